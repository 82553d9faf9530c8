import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// `npm run test:faults [-- --soak MINUTES]`: all faults, and one table of what they found.

const { values, positionals } = parseArgs({
  options: { soak: { type: 'string' } },
  allowPositionals: true,
});
const minutes = Number(values.soak ?? 0);
if (!(minutes >= 0 && minutes <= 24 * 60)) {
  console.error(`--soak: minutes from 0 to ${24 * 60}, not ${values.soak}`);
  process.exit(2);
}
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--config', 'vitest.faults.config.ts', ...positionals],
  { stdio: 'inherit', env: { ...process.env, PYLON_SOAK_MINUTES: String(minutes) } },
);
process.exitCode = status ?? 1;
