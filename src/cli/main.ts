#!/usr/bin/env node
import { runCommandLine } from './command-line.js';
import { onBrokenOutput } from './output.js';
import { hidePasswordsInProcessTitle } from './passwords.js';
import { reportError } from './report-error.js';

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
