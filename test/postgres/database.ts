import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type OpenOptions, PylonDb } from '../../src/index.js';
import type { Looks } from '../database.js';
import { NOON } from '../file.js';
import type { TestServer } from './global-setup.js';
import { Onlooker } from './onlooker.js';

/** A schema of its own in a server's database; see `TestDatabase`. */
export async function postgresDatabase(
  server: TestServer,
  options: OpenOptions = {},
): Promise<Looks> {
  const schema = `t_${randomUUID().replaceAll('-', '')}`;
  const url = urlOf(server, schema);
  const onlooker = await Onlooker.connect(url);
  const opened: PylonDb[] = [];
  onTestFinished(async () => {
    for (const db of opened) await db.close();
    await onlooker.write(`drop schema ${schema} cascade`, []);
    await onlooker.end();
  });
  await onlooker.write(`create schema ${schema}`, []);

  const time = { now: NOON };
  const open = async (more: OpenOptions = {}) => {
    const db = await PylonDb.open(url, { clock: () => time.now, ...more });
    opened.push(db);
    return db;
  };
  return {
    db: await open(options),
    url,
    time,
    open,
    stored: (sql, ...parameters) => onlooker.read(sql, parameters),
    literals: (...tables) => onlooker.literals(tables),
    writeByAnother: (sql, ...parameters) => onlooker.write(sql, parameters),
    refuse: (event, when) => onlooker.write(refusal(event, when), []),
  };
}

/** The URL under which `schema` is all that a connection sees. */
function urlOf({ url }: TestServer, schema: string): string {
  const separator = url.includes('?') ? '&' : '?';
  return `${url}${separator}options=-csearch_path%3D${schema}`;
}

function refusal(event: string, when: string | undefined): string {
  return `
    create function refuse() returns trigger language plpgsql
      as $$ begin raise exception 'refused'; end $$;
    create trigger refuse ${event} for each row
      ${when === undefined ? '' : `when (${when})`} execute function refuse()`;
}
