#!/usr/bin/env node
import { runCommandLine } from './command-line.js';
import { onBrokenOutput } from './shell/output.js';
import { hidePasswordsInProcessTitle } from './shell/passwords.js';
import { reportError } from './shell/report-error.js';

hidePasswordsInProcessTitle();
const args = process.argv.slice(2);

onBrokenOutput((error) => {
  process.exitCode = reportError(error, args);
});
try {
  await runCommandLine(args);
} catch (error) {
  process.exitCode = reportError(error, args);
}
