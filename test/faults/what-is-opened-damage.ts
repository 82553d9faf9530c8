import type { Random } from './random.js';

/** Pages of a database that was made with SQLite's default, in bytes. */
const PAGE_BYTES = 4096;

type Damage = (bytes: Buffer, random: Random) => Buffer;

const flipped = (bytes: Buffer, random: Random, times: number, start: number, end: number) => {
  for (let i = 0; i < times; i++) {
    const at = start + random.int(end - start);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
  }
  return bytes;
};
const pageStart = (bytes: Buffer, random: Random) =>
  random.int(bytes.length / PAGE_BYTES) * PAGE_BYTES;
const noise = (random: Random, length: number) =>
  Buffer.from(random.list(length, () => random.int(256)));

/** The ways in which a disk, a copy or an enemy damages a file, each at random places. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'a few bits': (bytes, random) => flipped(bytes, random, 1 + random.int(20), 0, bytes.length),
  'many bits': (bytes, random) => flipped(bytes, random, 2000, 0, bytes.length),
  'bits of the header': (bytes, random) => flipped(bytes, random, 1 + random.int(4), 16, 100),
  'bits of the schema': (bytes, random) => flipped(bytes, random, 3, 100, 3 * PAGE_BYTES),
  'the head of a page': (bytes, random) => {
    const start = pageStart(bytes, random) || 100;
    return flipped(bytes, random, 6, start, start + 24);
  },
  'a page of noise': (bytes, random) => {
    noise(random, PAGE_BYTES).copy(bytes, pageStart(bytes, random));
    return bytes;
  },
  'a page of zeros': (bytes, random) => {
    const start = pageStart(bytes, random);
    return bytes.fill(0, start, start + PAGE_BYTES);
  },
  'two pages changed over': (bytes, random) => {
    const [one, other] = [pageStart(bytes, random), pageStart(bytes, random)];
    const kept = Buffer.from(bytes.subarray(one, one + PAGE_BYTES));
    bytes.copy(bytes, one, other, other + PAGE_BYTES);
    kept.copy(bytes, other);
    return bytes;
  },
  'its end cut off': (bytes, random) => bytes.subarray(0, 1 + random.int(bytes.length - 1)),
  'its start cut off': (bytes, random) => bytes.subarray(1 + random.int(bytes.length - 1)),
  'noise at its end': (bytes, random) =>
    Buffer.concat([bytes, noise(random, 1 + random.int(9000))]),
  'only noise': (_, random) => noise(random, 1 + random.int(9000)),
};

/** A damaged copy of a database, and how it was damaged. */
export function damaged(whole: Buffer, random: Random): { how: string; bytes: Buffer } {
  const how = random.pick(Object.keys(DAMAGES));
  const damage = DAMAGES[how];
  if (damage === undefined) throw new RangeError(how);
  return { how, bytes: damage(Buffer.from(whole), random) };
}
