import { describe, it } from 'vitest';
import type { NewAgent, NewTick } from '../../src/index.js';
import {
  expectRefused,
  expectUnknownFieldRefused,
  type FieldCase,
  fieldsOf,
  optional,
  required,
} from '../bad-input.js';
import { testDatabase } from '../database.js';

const AGENT: NewAgent = { npub: 'new', name: 'Bob', lifecycle_state: 'active' };
const TICK: NewTick = {};
const CHARGED: NewTick = { tick_number: 1, cost_sats: 1, charge: true };

const UPSERT = fieldsOf(
  'agents.upsert',
  AGENT,
  {
    npub: 'key',
    name: 'text',
    lifecycle_state: 'word',
    balance_sats: 'integer',
    tick_count: 'integer',
    last_tick_at: 'time or null',
    memory_json: 'json or null',
    goals_json: 'json or null',
    created_at: 'time',
    updated_at: 'time',
  },
  (db, agent) => db.agents.upsert(agent),
);

const RECORD_TICK = fieldsOf(
  'agents.recordTick',
  TICK,
  {
    tick_number: 'integer',
    prompt_tokens: 'integer or null',
    completion_tokens: 'integer or null',
    actions_json: 'json or null',
    cost_sats: 'integer or null',
    duration_ms: 'integer or null',
    charge: 'boolean',
  },
  (db, tick) => db.agents.recordTick('a', tick),
);

const CHARGE = fieldsOf(
  'agents.recordTick',
  CHARGED,
  { tick_number: 'integer', cost_sats: 'integer' },
  (db, tick) => db.agents.recordTick('a', tick),
);

const ARGUMENTS: readonly FieldCase[] = [
  required('agents.upsert', 'agent', 'object', (db, v) => db.agents.upsert(v)),
  required('agents.get', 'npub', 'key', (db, v) => db.agents.get(v)),
  required('agents.listByState', 'state', 'word', (db, v) => db.agents.listByState(v)),
  required('agents.updateState', 'npub', 'key', (db, v) => db.agents.updateState(v, 'dormant')),
  required('agents.updateState', 'state', 'word', (db, v) => db.agents.updateState('a', v)),
  required('agents.updateBalance', 'npub', 'key', (db, v) => db.agents.updateBalance(v, 1)),
  required('agents.updateBalance', 'balance_sats', 'integer', (db, v) =>
    db.agents.updateBalance('a', v),
  ),
  required('agents.adjustBalance', 'npub', 'key', (db, v) => db.agents.adjustBalance(v, 1)),
  required('agents.adjustBalance', 'delta_sats', 'integer of any sign', (db, v) =>
    db.agents.adjustBalance('a', v),
  ),
  required('agents.recordTick', 'npub', 'key', (db, v) => db.agents.recordTick(v, TICK)),
  required('agents.recordTick', 'tick', 'object', (db, v) => db.agents.recordTick('a', v)),
  required('agents.tickHistory', 'npub', 'key', (db, v) => db.agents.tickHistory(v)),
  optional('agents.tickHistory', 'options', 'object', (db, v) => db.agents.tickHistory('a', v)),
  optional('agents.tickHistory', 'limit', 'limit', (db, v) =>
    db.agents.tickHistory('a', { limit: v }),
  ),
  required('agents.tickHistory', 'before.tick_number', 'integer of any sign', (db, v) =>
    db.agents.tickHistory('a', { before: { id: 1, tick_number: v } }),
  ),
  required('agents.tickHistory', 'before.id', 'integer of any sign', (db, v) =>
    db.agents.tickHistory('a', { before: { id: v, tick_number: 1 } }),
  ),
  required('agents.pruneTicks', 'options', 'object', (db, v) => db.agents.pruneTicks(v)),
  required('agents.pruneTicks', 'before', 'time', (db, v) => db.agents.pruneTicks({ before: v })),
  required('agents.delete', 'npub', 'key', (db, v) => db.agents.delete(v)),
];

describe('refuses bad input by its name and stores nothing', () => {
  it.each([...UPSERT, ...RECORD_TICK, ...CHARGE, ...ARGUMENTS])(
    '$call: $field',
    async (testCase) => {
      const file = await testDatabase();
      await file.db.agents.upsert({ ...AGENT, npub: 'a', balance_sats: 5 });
      await expectRefused(file, testCase);
    },
  );
});

describe('refuses a field that it does not know', () => {
  it('agents.upsert', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'agents.upsert', AGENT, (db, agent) =>
      db.agents.upsert(agent),
    );
  });
  it('agents.recordTick', async () => {
    const file = await testDatabase();
    await file.db.agents.upsert({ ...AGENT, npub: 'a' });
    await expectUnknownFieldRefused(file, 'agents.recordTick', TICK, (db, tick) =>
      db.agents.recordTick('a', tick),
    );
  });
  it('agents.tickHistory', async () => {
    const file = await testDatabase();
    await expectUnknownFieldRefused(file, 'agents.tickHistory', {}, (db, options) =>
      db.agents.tickHistory('a', options),
    );
  });
});
