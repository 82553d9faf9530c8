import { onTestFinished } from 'vitest';
import { connectTo } from '../../src/engine/postgres/open.js';
import { PostgresEngine } from '../../src/engine/postgres/postgres-engine.js';
import { TriggerWatch } from '../../src/engine/postgres/trigger-watch.js';
import { PylonDb } from '../../src/pylon-db.js';
import { agent } from '../engine/fresh.js';
import { LossyProxy } from './lossy-proxy.js';
import type { OwnServer } from './own-server.js';

/**
 * How long the server may be silent there, in ms, before it is asked whether it works. A user's
 * PylonDb waits for a minute.
 */
export const ANSWER_TIMEOUT_MS = 300;

interface SilentLineProps {
  /** Leaves it to the test to connect first. */
  readonly isConnected?: boolean;
  readonly role?: string;
  readonly answerTimeoutMs?: number;
}

/** A schema with the agent `a`, reached over a line that may fall silent, by one connection. */
export async function overSilentLine(
  own: OwnServer,
  {
    isConnected = true,
    role = 'postgres',
    answerTimeoutMs = ANSWER_TIMEOUT_MS,
  }: SilentLineProps = {},
) {
  const { url, outside, db: direct } = await own.open();
  await direct.agents.upsert(agent('a'));
  const proxy = await LossyProxy.start(own.server.port);
  const props = { readonly: false, busyTimeoutMs: 5000, answerTimeoutMs };
  const pool = await connectTo({
    ...props,
    url: `${proxy.over(url).replace('postgres@', `${role}@`)}&max=1`,
    onQuery: undefined,
  });
  const engine = new PostgresEngine({
    ...props,
    pool,
    address: 'test',
    triggers: new TriggerWatch(),
    assertPublished: async () => {},
  });
  const db = PylonDb.over('test', engine, Date.now);
  onTestFinished(() => db.close());
  if (isConnected) await db.agents.get('a');
  return { db, direct, outside, proxy };
}
