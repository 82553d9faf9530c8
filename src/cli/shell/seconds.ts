import { InvalidArgumentError } from 'commander';

/** Longer is a slip: an hour. */
const MAX_SECONDS = 3600;

/** Reads a number of seconds as milliseconds; commander tells the error with the option's name. */
export function secondsAsMs(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const ms = Math.round(seconds * 1000);
  if (ms >= 1 && seconds <= MAX_SECONDS) return ms;
  throw new InvalidArgumentError(`Give seconds, such as 0.5, up to ${MAX_SECONDS}.`);
}
