import { type Command, Option } from 'commander';
import { LIFECYCLE_STATES, type LifecycleState } from '../../../generated/db.js';
import type { Agent } from '../../agents/agent.js';
import { examples } from '../shell/arguments.js';
import { reading } from '../shell/reading.js';
import { type Column, table } from '../shell/table.js';
import { formatCount, formatOptionalTime, formatSats } from '../shell/units.js';

/** `pylon-db agents`: lists agents, the last changed first. */
export function configure(command: Command): void {
  command
    .addOption(new Option('--state <state>', 'only agents in this state').choices(LIFECYCLE_STATES))
    .addHelpText(
      'after',
      examples([
        ['pylon-db agents', 'all agents'],
        ['pylon-db agents --state dormant --json', 'with memory and goals'],
      ]),
    )
    .action(async ({ state }: { readonly state?: LifecycleState }) => {
      await reading(command, async (db, out) => {
        const rows =
          state === undefined ? await db.agents.listAll() : await db.agents.listByState(state);
        out.result(rows, () => (rows.length === 0 ? '' : table(out, rows, COLUMNS)));
        if (rows.length === 0) out.note('No agents.');
      });
    });
}

const COLUMNS: readonly Column<Agent>[] = [
  { title: 'npub', cell: (agent) => agent.npub, cut: 'middle' },
  { title: 'name', cell: (agent) => agent.name, cut: 'end' },
  { title: 'state', cell: (agent) => agent.lifecycle_state },
  { title: 'balance', cell: (agent) => formatSats(agent.balance_sats), align: 'right' },
  { title: 'ticks', cell: (agent) => formatCount(agent.tick_count), align: 'right' },
  { title: 'last tick (UTC)', cell: (agent) => formatOptionalTime(agent.last_tick_at) },
];
