#!/usr/bin/env node
import { runCommandLine } from './command-line.js';
import { onBrokenOutput } from './output.js';
import { reportError } from './report-error.js';

const args = process.argv.slice(2);

onBrokenOutput((error) => {
  process.exitCode = reportError(error, args);
});
try {
  await runCommandLine(args);
} catch (error) {
  process.exitCode = reportError(error, args);
}
