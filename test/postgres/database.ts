import { onTestFinished } from 'vitest';
import { type OpenOptions, PylonDb } from '../../src/index.js';
import type { Looks } from '../database.js';
import { NOON } from '../file.js';
import { copyTemplate, dropDatabase, urlOf } from './copied-database.js';
import { Onlooker, ServerConnection } from './onlooker.js';

/** A database of its own in a server; see `TestDatabase`. */
export async function postgresDatabase(server: string, options: OpenOptions = {}): Promise<Looks> {
  const name = await copyTemplate(server);
  const url = urlOf(server, name);
  const connection = await ServerConnection.to(url);
  const opened: PylonDb[] = [];
  onTestFinished(async () => {
    for (const db of opened) await db.close();
    await connection.end();
    await dropDatabase(server, name);
  });

  const time = { now: NOON };
  const open = async (more: OpenOptions = {}) => {
    const db = await PylonDb.open(url, { clock: () => time.now, ...more });
    opened.push(db);
    return db;
  };
  return { db: await open(options), url, time, open, ...looksOf(new Onlooker(connection)) };
}

/** What an onlooker offers to a test. */
export function looksOf(onlooker: Onlooker) {
  return {
    stored: (sql: string, ...parameters: unknown[]) => onlooker.read(sql, parameters),
    literals: (...tables: readonly string[]) => onlooker.literals(tables),
    writeByAnother: (sql: string, ...parameters: unknown[]) => onlooker.write(sql, parameters),
    refuse: (event: string, when?: string) => onlooker.refuse(event, when),
    swallow: (event: string) => onlooker.swallow(event),
  };
}
