import { onTestFinished } from 'vitest';

/** What one line of the printed table says of a fault; whether it held is the test's outcome. */
export interface FaultLine {
  readonly fault: string;
  /** What was done, with how often. */
  readonly tried: string;
  /** What was counted. */
  readonly figure: string;
}

declare module 'vitest' {
  interface TaskMeta {
    faults?: FaultLine[];
  }
}

/** Adds a line to the table that `npm run test:faults` prints. Called at the end of a test. */
export function reported(fault: string, { tried, figure }: Omit<FaultLine, 'fault'>): void {
  onTestFinished(({ task }) => {
    task.meta.faults ??= [];
    task.meta.faults.push({ fault, tried, figure });
  });
}
