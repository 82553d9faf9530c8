import { inspect } from 'node:util';
import { isPylonDbError } from '../../errors.js';
import { exitCodeOf, isPending } from './exit-code.js';
import { toJson } from './output.js';
import { withoutPasswords } from './passwords.js';
import { visible, visibleLines } from './terminal-text.js';

/**
 * Reports an error on stderr, in one line or as JSON, with its stack under `--debug`, and gives the
 * exit code. `args` are looked at because the error may be about them.
 */
export function reportError(error: unknown, args: readonly string[]): number {
  const report = explain(error);
  const stack = args.includes('--debug') ? withoutPasswords(inspect(error)) : undefined;
  if (args.includes('--json')) {
    const withStack = stack === undefined ? report : { ...report, stack };
    process.stderr.write(`${toJson({ error: withStack }, 0)}\n`);
  } else {
    process.stderr.write(
      `pylon-db: ${visible(sentence(report.message))} ${visible(report.hint)}\n`,
    );
    if (stack !== undefined) process.stderr.write(`${visibleLines(stack)}\n`);
  }
  return exitCodeOf(error);
}

interface ErrorReport {
  /** One of the closed set, or `UNEXPECTED` for what no code foresees. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

function explain(error: unknown): ErrorReport {
  const { code, message, hint } = inWords(error);
  return { code, message: withoutPasswords(message), hint: withoutPasswords(hint) };
}

function inWords(error: unknown): ErrorReport {
  if (!isPylonDbError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      code: 'UNEXPECTED',
      message: message.split('\n', 1).join(''),
      hint: 'Run it again with --debug for the stack.',
    };
  }
  const { code, problem, hint } = error;
  // Without the operation: who types a command didn't call `PylonDb.open`.
  return { code, message: problem, hint: isPending(error) ? 'Run `pylon-db migrate up`.' : hint };
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
