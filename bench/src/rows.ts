// What the row with a number holds, for whoever makes the rows and for whoever asks for them.

/** The first job's `created_at`; the data spans a year however many rows there are. */
export const FIRST_SECOND = 1_750_000_000;
export const YEAR_SECONDS = 31_536_000;

/** Agents share the ticks: as many as in the file of a real node that the tests hold. */
export const AGENTS = 8;

/** Customers share the jobs. */
export const CUSTOMERS = 1000;

/** Odd, so that modulo 2^32 each gives every row another number, spread over the index. */
export const MULTIPLIERS = [
  2654435761, 2246822519, 3266489917, 668265263, 374761393, 2869860233, 1183186591, 1609587929,
];

// Ranges of numbers, one for each kind of hash, beyond any row's number.
export const CUSTOMER = 20_000_000;
export const INPUT = 30_000_000;
export const OUTPUT = 40_000_000;
export const PAYMENT = 50_000_000;
export const AGENT = 60_000_000;

/** 64 hex digits, as of an event id or a public key, that stand for a number. */
export function hash(number: number): string {
  return MULTIPLIERS.map((m) => (Math.imul(number, m) >>> 0).toString(16).padStart(8, '0')).join(
    '',
  );
}

/** The agent with a number. */
export function npubOf(agent: number): string {
  return `npub1${hash(AGENT + agent).slice(0, 58)}`;
}

/** The statuses repeat in tenths: two pending, two processing, one failed or cancelled. */
export const CYCLE = 10;
export const PENDING_A_CYCLE = 2;
export const PROCESSING_A_CYCLE = 2;
