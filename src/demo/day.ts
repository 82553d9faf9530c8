import type { PylonDb } from '../index.js';
import { Host } from './host.js';
import { Provider } from './provider.js';
import { SeededRandom } from './random.js';

/** The day that the demo plays, in unix seconds: 2 June 2025, 00:00 UTC. */
export const DAY_START = Date.UTC(2025, 5, 2) / 1000;

const MINUTES_PER_DAY = 24 * 60;
const SEED = 99;

/** Something worth reporting. */
export interface Happening {
  /** As on a clock: `09:05`. */
  readonly time: string;
  readonly what: string;
}

/** Time that stands still until it is set. `read` is what PylonDb gets as its clock. */
export class DemoClock {
  now = DAY_START;
  readonly read = (): number => this.now;
}

/** Plays 24 hours of a node, minute by minute, and reports what was special about them. */
export async function playDay(db: PylonDb, clock: DemoClock): Promise<Happening[]> {
  const random = new SeededRandom(SEED);
  const provider = new Provider(db, random);
  const host = new Host(db, random);
  const happenings: Happening[] = [];
  const scribe = await host.create('Scribe');
  const oracle = await host.create('Oracle');
  await host.create('Newborn');

  for (let minute = 0; minute < MINUTES_PER_DAY; minute++) {
    clock.now = DAY_START + minute * 60;
    const time = new Date(clock.now * 1000).toISOString().slice(11, 16);
    const report = (what: string) => happenings.push({ time, what });

    if (time === '00:00') {
      await host.fund(scribe, 1000);
      await host.fund(oracle, 250);
      report('Scribe and Oracle are funded and begin to tick');
    }
    if (time === '06:00') {
      await db.earnings.record({ id: 'relay-fee', amount_msats: 25_000, source: 'other' });
      report('a relay fee of 25 sats comes in');
    }
    if (time === '14:30' && provider.loseWorker()) report('the worker dies in the middle of a job');
    const recovered = await provider.recover(clock.now);
    if (recovered > 0) report('its job goes back into the queue');

    await provider.minute(clock.now, Math.floor(minute / 60));
    for (const name of await host.minute(minute)) report(`${name} can't pay its tick: dormant`);
    if (time === '20:00') {
      await host.fund(oracle, 500);
      report('Oracle is funded again');
    }
  }
  return happenings;
}
