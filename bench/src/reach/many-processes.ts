import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Entry } from '../contestant.js';
import { handWritten, pylonDb } from '../contestants/index.js';
import type { Context } from '../context.js';
import { type Goal, inRows } from '../goals.js';
import { median, rotated } from '../measure.js';
import type { TickerAnswer } from '../ticker.js';

/** The program of one process, as it is built. */
const TICKER = fileURLToPath(new URL('./ticker.mjs', import.meta.url));

const ROWS = 10_000;

/** How long all tick at once, and how often, in a whole run and a quick one. */
const FULL = { forMs: 3000, rounds: 5 };
const QUICK = { forMs: 500, rounds: 1 };

/** Hand-written throughput to ours: ours is 0.85 of it at the least. */
const MOST_THROUGHPUT_LOST = 1 / 0.85;
const LONGEST_WAIT = 0.5;
/** The slowest process gets 0.3 of what the fastest gets, at the least. */
const MOST_UNFAIR = 1 / 0.3;

interface Turn {
  readonly ticks: number;
  readonly longestMs: number;
  /** Ticks of the fastest process to those of the slowest. */
  readonly unfair: number;
}

/**
 * Lone ticks of as many processes as there are cores, and of twice as many, all on one file, to
 * hand-written ones that wait by SQLite's own busy handler. By the wall's clock: waiting is the point.
 */
export async function manyProcesses(context: Context): Promise<Goal[]> {
  const cores = Math.max(2, availableParallelism());
  const goals: Goal[] = [];
  for (const processes of [cores, 2 * cores]) goals.push(...(await goalsOf(context, processes)));
  return goals;
}

async function goalsOf(context: Context, processes: number): Promise<Goal[]> {
  context.progress(`ticks of ${processes} processes on one file`);
  const { forMs, rounds } = context.options.quick ? QUICK : FULL;
  const ours: Turn[] = [];
  const byHand: Turn[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const entry of rotated([pylonDb, handWritten], round)) {
      const turn = await turnOf(context, entry, processes, forMs);
      (entry === pylonDb ? ours : byHand).push(turn);
    }
  }
  const of = (value: (own: Turn, hand: Turn) => number) =>
    median(ours.map((own, i) => value(own, byHand[i] ?? own)));
  const middle = (turns: readonly Turn[], figure: (turn: Turn) => number) =>
    median(turns.map(figure)).toFixed(0);
  const perSecond = ({ ticks }: Turn) => (ticks * 1000) / forMs;
  const goal = (what: string, limit: number, value: number, on: string): Goal => ({
    what: `${processes} processes on one file: ${what}`,
    to: handWritten.name,
    limit,
    unit: 'times',
    value,
    on: `${inRows(ROWS)}; ${on}, by wall clock`,
  });
  return [
    goal(
      'time per lone tick',
      MOST_THROUGHPUT_LOST,
      of((own, hand) => hand.ticks / own.ticks),
      `${middle(ours, perSecond)} ticks/s to ${middle(byHand, perSecond)}`,
    ),
    goal(
      'longest wait',
      LONGEST_WAIT,
      of((own, hand) => own.longestMs / hand.longestMs),
      `${middle(ours, ({ longestMs }) => longestMs)} ms to ${middle(byHand, ({ longestMs }) => longestMs)}`,
    ),
    {
      ...goal(
        'fastest process',
        MOST_UNFAIR,
        of((own) => own.unfair),
        `by hand ${of((_, hand) => hand.unfair).toFixed(2)}`,
      ),
      to: 'the slowest',
    },
  ];
}

async function turnOf(
  { datasets }: Context,
  entry: Entry,
  processes: number,
  forMs: number,
): Promise<Turn> {
  const path = await datasets.copy(ROWS, entry.schema);
  const warmUps: string[] = [];
  for (let i = 0; i < processes; i++) warmUps.push(await datasets.copy(ROWS, entry.schema));
  const children = warmUps.map((warmUp, i) =>
    fork(TICKER, [entry.name, path, warmUp, String(ROWS), String(i)]),
  );
  await Promise.all(children.map((child) => answerOf(child, 'ready')));
  const answers = Promise.all(children.map((child) => answerOf(child, 'done')));
  for (const child of children) child.send(forMs);
  const done = await answers;
  for (const file of [path, ...warmUps]) datasets.remove(file);
  const ticks = done.map((answer) => answer.ticks);
  return {
    ticks: ticks.reduce((sum, own) => sum + own, 0),
    longestMs: Math.max(...done.map(({ longestMs }) => longestMs)),
    unfair: Math.max(...ticks) / Math.min(...ticks),
  };
}

/** The next answer. Throws when the process died, or answered something else. */
function answerOf<State extends TickerAnswer['state']>(
  child: ChildProcess,
  state: State,
): Promise<Extract<TickerAnswer, { state: State }>> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null) => reject(new Error(`a process ended with ${code}`));
    child.once('exit', died);
    child.once('message', (answer: TickerAnswer) => {
      child.off('exit', died);
      if (isAnswer(answer, state)) resolve(answer);
      else reject(new Error(`${answer.state} instead of ${state}`));
    });
  });
}

function isAnswer<State extends TickerAnswer['state']>(
  answer: TickerAnswer,
  state: State,
): answer is Extract<TickerAnswer, { state: State }> {
  return answer.state === state;
}
