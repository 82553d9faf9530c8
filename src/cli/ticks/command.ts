import type { Command } from 'commander';
import type { Tick, TickPageStart } from '../../agents/tick.js';
import { PylonDbError } from '../../errors.js';
import type { PylonDb } from '../../pylon-db.js';
import { examples } from '../shell/arguments.js';
import type { Output } from '../shell/output.js';
import {
  beforeOption,
  type Cursor,
  DEFAULT_LIMIT,
  limitOption,
  noteRest,
  type PageOptions,
} from '../shell/pages.js';
import { reading } from '../shell/reading.js';
import { type Column, table } from '../shell/table.js';
import { formatCount, formatSats, formatTime } from '../shell/units.js';

/** `pylon-db ticks NPUB`: lists an agent's ticks, the highest number first. */
export function configure(command: Command): void {
  command
    .argument('<npub>', "the agent's key")
    .addOption(limitOption())
    .addOption(beforeOption())
    .addHelpText(
      'after',
      examples([
        ['pylon-db ticks npub1…', 'the latest ticks of one agent'],
        ['pylon-db ticks npub1… --limit 1000 --json', 'for scripts'],
      ]),
    )
    .action(async (npub: string, options: PageOptions) => {
      await reading(command, (db, out) => listTicks(db, out, npub, options));
    });
}

async function listTicks(
  db: PylonDb,
  out: Output,
  npub: string,
  { limit = DEFAULT_LIMIT, before }: PageOptions,
): Promise<void> {
  const list = (size: number, start: Cursor | undefined) =>
    db.agents.tickHistory(npub, {
      limit: size,
      ...(start === undefined ? {} : { before: pageStart(start) }),
    });
  const rows = await list(limit, before);
  if (rows.length === 0) await assertAgent(db, npub);
  out.result(rows, () => (rows.length === 0 ? '' : table(out, rows, COLUMNS)));
  await noteRest(
    out,
    { rows, limit, what: 'ticks' },
    (tick) => ({ position: tick.tick_number, key: String(tick.id) }),
    (cursor) => list(1, cursor),
  );
}

/** The service checks that a tick's id is a number. */
function pageStart({ position, key }: Cursor): TickPageStart {
  return { tick_number: position, id: Number(key) };
}

async function assertAgent(db: PylonDb, npub: string): Promise<void> {
  if ((await db.agents.get(npub)) !== undefined) return;
  throw new PylonDbError(
    'NOT_FOUND',
    `there is no agent ${npub}`,
    { entity: 'agent', id: npub },
    { hint: 'See `pylon-db agents --json` for whole keys.' },
  );
}

const optionalCount = (count: number | null) => (count === null ? '' : formatCount(count));

const COLUMNS: readonly Column<Tick>[] = [
  { title: 'tick', cell: (tick) => String(tick.tick_number), align: 'right' },
  { title: 'created (UTC)', cell: (tick) => formatTime(tick.created_at) },
  { title: 'prompt', cell: (tick) => optionalCount(tick.prompt_tokens), align: 'right' },
  { title: 'completion', cell: (tick) => optionalCount(tick.completion_tokens), align: 'right' },
  {
    title: 'cost',
    cell: ({ cost_sats }) => (cost_sats === null ? '' : formatSats(cost_sats)),
    align: 'right',
  },
  {
    title: 'duration',
    cell: ({ duration_ms }) => (duration_ms === null ? '' : `${formatCount(duration_ms)} ms`),
    align: 'right',
  },
  { title: 'actions', cell: (tick) => tick.actions_json ?? '', cut: 'end' },
];
