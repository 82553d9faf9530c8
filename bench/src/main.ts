import { rmSync } from 'node:fs';
import { readOptions } from './options.js';
import { kinds } from './postgres/cases.js';
import { benchPostgres } from './postgres/run.js';
import { benchSqlite, sqliteNames } from './sqlite.js';

const options = readOptions({ sqlite: sqliteNames, postgres: Object.keys(kinds) });
process.on('exit', () => rmSync(options.folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
await (options.engine === 'postgres' ? benchPostgres(options) : benchSqlite(options));
