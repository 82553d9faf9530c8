import type { TestProject } from 'vitest/node';
import { PostgresServer } from './server.js';

/** Where the service suite finds PostgreSQL: a server's URL, or PGlite in each worker. */
export type TestServer = { readonly url: string } | 'PGlite';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Missing where tests run on SQLite. */
    postgres?: TestServer;
  }
}

/** Whether the suite runs on PGlite: where no server is installed, or where that is asked for. */
export function isOnPglite(): boolean {
  return process.env['PYLON_TEST_POSTGRES'] === 'pglite' || !PostgresServer.isInstalled;
}

/** Starts one server for the project, on prepared files, and gives what stops it. */
export default async function startServer(project: TestProject): Promise<(() => void) | undefined> {
  if (isOnPglite()) {
    project.provide('postgres', 'PGlite');
    return undefined;
  }
  const server = await PostgresServer.start(project.getProvidedContext().cluster);
  project.provide('postgres', { url: server.url() });
  return () => server.stop();
}
