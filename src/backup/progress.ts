/** How far a long operation is. */
export interface Progress {
  /** What it is doing: `copying`, `verifying`. A step starts again at 0. */
  readonly step: string;
  readonly done: number;
  /** In the same unit as `done`; an estimate, so `done` may end a little below or above. */
  readonly total: number;
  readonly unit: 'bytes' | 'rows' | 'steps';
}

/** Called now and then while the operation goes on; what it throws ends the operation. */
export type OnProgress = (progress: Progress) => void;
