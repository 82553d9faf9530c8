import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { PylonDb } from '../../src/index.js';
import { isOnPglite } from './global-setup.js';
import { PostgresServer } from './server.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The files of a stopped server with a migrated database; missing where nothing prepared them. */
    cluster?: string;
  }
}

/** The database of a prepared server that others are copied from. */
export const TEMPLATE = 'migrated';

/** Makes and migrates the files of a server once for a whole run, which each server copies. */
export default async function prepareCluster(
  project: TestProject,
): Promise<(() => void) | undefined> {
  if (isOnPglite()) return undefined;
  const server = await PostgresServer.start();
  const client = await new pg.Client(server.url()).connect();
  await client.query(`create database ${TEMPLATE}`);
  await (await PylonDb.open(server.url(TEMPLATE))).close();
  await client.end();
  server.shutDown();
  project.provide('cluster', server.files);
  return () => server.stop();
}
