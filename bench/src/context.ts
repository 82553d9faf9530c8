import type { Datasets } from './dataset.js';
import type { Options } from './options.js';

/** What every part of a run is given. */
export interface Context {
  readonly options: Options;
  readonly datasets: Datasets;
  /** Reports how far the run is; on stderr, so that stdout holds results alone. */
  progress(text: string): void;
}
