import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { TEMPLATE } from './prepare-cluster.js';

/** Copies the migrated database of the prepared server at `server`; its name there. */
export async function copyTemplate(server: string): Promise<string> {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await withClient(server, async (client) => {
    const version = "select current_setting('server_version_num')::int as version";
    const { rows } = await client.query<{ version: number }>(version);
    // Whole files are copied faster than their rows are logged; older servers do nothing else.
    const strategy = Number(rows[0]?.version) >= 150_000 ? 'strategy file_copy' : '';
    await client.query(`create database ${name} template ${TEMPLATE} ${strategy}`);
  });
  return name;
}

/** Removes a database; whoever has it open is cut off. */
export async function dropDatabase(server: string, name: string): Promise<void> {
  await withClient(server, (client) => client.query(`drop database ${name} with (force)`));
}

/** The URL of another database of the server at `server`; tests add what they want to its end. */
export function urlOf(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  url.search = '?options=-csearch_path%3Dpublic';
  return url.href;
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>) {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  await use(client);
  await client.end();
}
