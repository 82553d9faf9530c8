import { expect, it } from 'vitest';
import { ownCommand } from '../../src/cli/shell/openers.js';

it.each([
  ['node /usr/bin/pylon-db check --db x', 'pylon-db check'],
  ['node /usr/bin/pylon-db --db check backup --keep 7', 'pylon-db backup'],
  ['node /usr/bin/pylon-db --json --db=x vacuum', 'pylon-db vacuum'],
  ['node /usr/bin/pylon-db', 'pylon-db'],
  ['/opt/node /srv/node_modules/pylon-db/dist/cli.js export jobs', 'pylon-db export'],
  ['node /srv/node_modules/pylon-db/dist/ops-child.js backup', 'pylon-db backup'],
  ['node --import tsx /srv/src/cli/shell/command-child.ts export', 'pylon-db export'],
  ['node /srv/dist/command-child.js', 'pylon-db'],
  ['node /srv/service/dist/cli.js check', undefined],
  ['node service.js pylon-db', undefined],
  ['sqlite3 pylon.db', undefined],
  ['', undefined],
])('`%s` is the command %s', (line, command) => {
  expect(ownCommand(line.split(' '))).toBe(command);
});
