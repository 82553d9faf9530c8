import type { OnProgress } from '../../backup/progress.js';
import { formatBytes } from '../../engine/sqlite/room.js';
import type { Settings } from './settings.js';
import { formatCount } from './units.js';

/** How often a bar is drawn, in ms: often enough to look alive, seldom enough to cost nothing. */
const REDRAW_MS = 100;

/**
 * Runs `work` with a progress bar on stderr, one line per step; `clear` removes the line, so that
 * others may be written. Without a terminal, and under
 * `--quiet` or `--json`, there is none.
 */
export async function withProgressBar<Result>(
  { quiet, json }: Settings,
  work: (onProgress: OnProgress, clear: () => void) => Promise<Result>,
): Promise<Result> {
  if (quiet || json || !process.stderr.isTTY)
    return await work(
      () => {},
      () => {},
    );
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    format: '{step} {bar} {percentage} %  {shown}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    fps: 1000 / REDRAW_MS,
    stream: process.stderr,
  });
  let current: string | undefined;
  const clear = () => {
    if (current !== undefined) bar.stop();
    current = undefined;
  };
  try {
    return await work(({ step, done, total, unit }) => {
      const format = unit === 'bytes' ? formatBytes : formatCount;
      // An estimate that is passed would show more than 100 %.
      const shownTotal = Math.max(total, done, 1);
      const payload = { step: step.padEnd(10), shown: `${format(done)} of ${format(shownTotal)}` };
      if (step !== current) {
        if (current !== undefined) bar.stop();
        bar.start(shownTotal, done, payload);
        current = step;
      } else {
        bar.setTotal(shownTotal);
        bar.update(done, payload);
      }
    }, clear);
  } finally {
    clear();
  }
}
