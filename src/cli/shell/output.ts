import { styleText } from 'node:util';
import { isNoRoom } from '../../engine/sqlite/system-error.js';
import { PylonDbError } from '../../errors.js';
import type { Settings } from './settings.js';
import { visible, visibleJson } from './terminal-text.js';

/** Columns of a terminal that doesn't say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** Where a command's results go: data to stdout, notes to stderr. */
export class Output {
  readonly #settings: Settings;
  readonly #colour: boolean;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#colour = settings.colour && process.stdout.isTTY;
  }

  /** Cells in which tables must fit; `undefined` where no terminal shows them. */
  get tableWidth(): number | undefined {
    return process.stdout.isTTY ? this.barWidth : undefined;
  }

  /** Cells in which bars must fit, terminal or not. */
  get barWidth(): number {
    return process.stdout.columns || DEFAULT_COLUMNS;
  }

  /** Prints the value as JSON under `--json`, else the text; nothing for an empty text. */
  result(value: unknown, text: () => string): void {
    const shown = this.#settings.json ? toJson(value, 2) : text();
    if (shown !== '') process.stdout.write(`${shown}\n`);
  }

  /** Prints one line next to the data, unless `--quiet`. */
  note(line: string): void {
    if (!this.#settings.quiet) process.stderr.write(`${visible(line)}\n`);
  }

  /** Reports one line alongside the data, also with `--quiet`: cron mails it. */
  report(line: string): void {
    process.stderr.write(`pylon-db: ${visible(line)}\n`);
  }

  /** A path as it is, for scripts; on a terminal with nothing in it that this would obey. */
  path(path: string): string {
    return process.stdout.isTTY ? visible(path) : path;
  }

  heading(text: string): string {
    return this.#colour ? styleText('bold', text) : text;
  }

  bar(text: string): string {
    return this.#colour ? styleText('green', text) : text;
  }
}

/** The value as JSON that is safe to show in a terminal. */
export function toJson(value: unknown, indent: number): string {
  return visibleJson(JSON.stringify(value, null, indent));
}

/**
 * Lets a command end quietly when the reader of its output went away (`| head`). It goes on without
 * one: a migration must not stop halfway. Other errors of stdout go to `onError`.
 */
export function onBrokenOutput(onError: (error: Error) => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') onError(notWritten(error));
  });
  // Nowhere is left to report an error of stderr.
  process.stderr.on('error', () => {});
}

function notWritten(cause: NodeJS.ErrnoException): PylonDbError {
  return new PylonDbError(
    isNoRoom(cause) ? 'DISK_FULL' : 'ABORTED',
    `the output can't be written where it goes (${cause.code})`,
    {},
    { cause, hint: 'What stands there is not whole. Free space, and run it again.' },
  );
}
