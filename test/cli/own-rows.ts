import { join } from 'node:path';
import { PylonDb } from '../../src/index.js';
import { stored, writeByAnother } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { pylonDb } from './command.js';

/** The list of a service's own migrations. */
export const OWN_MIGRATIONS = join(import.meta.dirname, 'own-migrations.mjs');

/** A file with a service's own tables and columns, filled; its second migration is pending. */
export async function fileWithOwnRows(): Promise<string> {
  const path = join(temporaryFolder(), 'from.db');
  await using db = await PylonDb.open(path);
  await db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'c' });
  const options = ['--migrations', OWN_MIGRATIONS, '--to', '020_notes'];
  await pylonDb(['migrate', 'up', '--db', path, ...options]);
  writeByAnother(
    path,
    `delete from teams;
     insert into teams values ('child', null), ('root', null);
     update teams set parent = 'root' where id = 'child';
     update jobs set team = 'child';
     insert into "order" values
       (1, 'a', 'tab' || char(9, 10) || '\\N ü', -9223372036854775808, 0.1, x'00ff5c', 1),
       (2, null, '', 9007199254740993, 1e300, x'', 0), (7, null, null, null, null, null, null);
     delete from "order" where id = 7`,
  );
  return path;
}

/** All that a file holds of a service's own, as SQL literals. */
export function ownRows(path: string): unknown[] {
  return stored(
    path,
    `select quote(id) || quote(job) || quote("Note""s") || quote(big) || quote(weight) || quote(bytes)
       || quote(paid) as row from "order"
     union all select quote(id) || quote(parent) from teams
     union all select quote(id) || quote(team) from jobs
     union all select name from migrations where name like '02%'
     union all select quote(seq) from sqlite_sequence where name = 'order' order by 1`,
  );
}
