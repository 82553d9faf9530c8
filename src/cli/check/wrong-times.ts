import { systemClock } from '../../options.js';
import { MAX_TIMESTAMP } from '../../schema/input.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, Tally } from './finding.js';

/** 2009-01-03T18:15:05Z, in unix seconds: before the first block of Bitcoin no node can have run. */
const FIRST_BLOCK = 1_231_006_505;

/** How far a time may be ahead of this machine's clock, in seconds: clocks and zones differ by less. */
const AHEAD_SECONDS = 86_400;

/** Columns that hold the time of something that has happened. */
const TIMES = [
  'applied_at',
  'created_at',
  'started_at',
  'completed_at',
  'earned_at',
  'last_tick_at',
  'updated_at',
] as const;

/**
 * Times that only a wrong clock gives. One clock stamps the rows of all tables, in several columns: it
 * is one note, not one per column.
 */
export class WrongTimes {
  readonly #correctedWith: string;
  readonly #latest = systemClock() + AHEAD_SECONDS;
  readonly #late = new Tally();
  readonly #early = new Tally();

  /** `correctedWith` is what rows are corrected with. */
  constructor(correctedWith: string) {
    this.#correctedWith = correctedWith;
  }

  /** Looks at one row of a table, which is called `name`. */
  add(table: string, name: string, row: Readonly<Record<string, unknown>>): void {
    const columnsWhere = (isWrong: (at: number) => boolean) =>
      TIMES.filter((column) => {
        const at = row[column];
        // What is not a timestamp at all is a wrong value.
        return typeof at === 'number' && at >= 0 && at <= MAX_TIMESTAMP && isWrong(at);
      });
    const late = columnsWhere((at) => at > this.#latest);
    const early = columnsWhere((at) => at < FIRST_BLOCK);
    if (late.length > 0) this.#late.add(`${table} ${name}: ${late.join(', ')}`);
    if (early.length > 0) this.#early.add(`${table} ${name}: ${early.join(', ')}`);
  }

  findings(): Finding[] {
    return [
      ...this.#note(this.#late, 'later than now: a clock was wrong, or still is'),
      ...this.#note(this.#early, 'before 2009: a clock was wrong'),
    ];
  }

  #note(tally: Tally, what: string): Finding[] {
    return findingsOf(tally, {
      check: 'values',
      severity: 'note',
      problem: `${counted(tally.count, 'row')} with times ${what}`,
      mend: `Set the clock right first. Nothing fails; to correct the rows, use the program that wrote them, or ${this.#correctedWith}.`,
    });
  }
}
