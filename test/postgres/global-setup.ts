import type { TestProject } from 'vitest/node';
import { PostgresServer } from './server.js';

/** The server that the tests of the service suite share. */
export interface TestServer {
  readonly url: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Missing where tests run on SQLite. */
    postgres?: TestServer;
  }
}

/** Starts one server for the project, and gives what stops it. */
export default async function startServer(project: TestProject): Promise<() => void> {
  const server = await PostgresServer.start();
  project.provide('postgres', { url: server.url() });
  return () => server.stop();
}
