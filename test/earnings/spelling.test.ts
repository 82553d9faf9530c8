import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerCaseHex } from '../../src/earnings/spelling.js';
import { testDatabase } from '../database.js';

/** In base64 they have letters of both cases, `+` and `/`. */
const BYTES = createHash('sha256').update('a preimage 4').digest();
const HEX = BYTES.toString('hex');

/** Every way in which wallets write 32 bytes, but for the one that is stored. */
const SPELLINGS: readonly (readonly [name: string, spell: (bytes: Buffer) => string])[] = [
  ['upper-case hex', (bytes) => bytes.toString('hex').toUpperCase()],
  ['hex with 0x', (bytes) => `0x${bytes.toString('hex')}`],
  ['hex with a newline', (bytes) => `${bytes.toString('hex')}\n`],
  ['base64', (bytes) => bytes.toString('base64')],
  ['base64 without padding', (bytes) => bytes.toString('base64').replace('=', '')],
  ['base64url', (bytes) => bytes.toString('base64url')],
  ['hex by pairs', (bytes) => bytes.toString('hex').replaceAll(/..(?!$)/g, '$&:')],
  ['hex in groups', (bytes) => bytes.toString('hex').replaceAll(/.{8}(?!$)/g, '$& ')],
  ['hex with dashes', (bytes) => bytes.toString('hex').replaceAll(/.{4}(?!$)/g, '$&-')],
  ['hex behind sha256', (bytes) => `sha256:${bytes.toString('hex')}`],
  ['base64 behind SHA-256', (bytes) => `SHA-256=${bytes.toString('base64')}`],
  ['integrity', (bytes) => `sha256-${bytes.toString('base64')}`],
  ['bytea', (bytes) => `\\x${bytes.toString('hex')}`],
  ['hex in quotes', (bytes) => `"${bytes.toString('hex')}"`],
  ['hex behind a zero-width space', (bytes) => `\u200b${bytes.toString('hex')}`],
  ['hex around a word joiner', (bytes) => bytes.toString('hex').replace(/^.{9}/, '$&\u2060')],
  ['hex with a variation selector', (bytes) => `${bytes.toString('hex')}\ufe0f`],
  ['hex of wide letters', (bytes) => wide(bytes.toString('hex'))],
  ['base64 in lines', (bytes) => bytes.toString('base64').replace(/^.{20}/, '$&\r\n')],
  ['base64 with a soft hyphen', (bytes) => `\u00ad${bytes.toString('base64')}`],
  ['base64 within white space', (bytes) => ` ${bytes.toString('base64')}\r\n`],
];

/** The letters and digits that East Asian fonts draw as wide as their own. */
function wide(text: string): string {
  return text.replaceAll(/./g, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0));
}

async function withJob() {
  const database = await testDatabase();
  await database.db.jobs.create({ id: 'a', kind: 1, customer_pubkey: 'b' });
  return { ...database, count: () => database.value('select count(*) from earnings') };
}

describe('a payment hash in another spelling', () => {
  it.each(SPELLINGS)('is refused as %s, and the hint gives the one to use', async (_, spell) => {
    const { db, count } = await withJob();
    const payment_hash = spell(BYTES);
    const error = {
      code: 'INVALID_ARGUMENT',
      field: 'payment_hash',
      hint: expect.stringContaining(HEX),
    };
    const earning = { id: 'x', amount_msats: 5, source: 'tip', payment_hash } as const;
    await expect(db.earnings.record(earning)).rejects.toMatchObject(error);
    await expect(db.earnings.recordForJob('a', 5, { payment_hash })).rejects.toMatchObject(error);
    await expect(
      db.jobs.completeWithPayment('a', { price_msats: 5, payment_hash }),
    ).rejects.toMatchObject(error);
    expect(await count()).toBe(0);
  });

  it.each(SPELLINGS)('is refused as %s of a preimage, which no error repeats', async (_, spell) => {
    const { db, count } = await withJob();
    const preimage = spell(BYTES);
    const calls = [
      db.earnings.record({ id: 'x', amount_msats: 5, source: 'tip', preimage }),
      db.earnings.recordForJob('a', 5, { preimage }),
      db.jobs.completeWithPayment('a', { price_msats: 5, preimage }),
    ];
    for (const call of calls) {
      const error: unknown = await call.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', field: 'preimage' });
      const shown = inspect(error, { depth: null, showHidden: true });
      expect(shown).not.toContain(HEX);
      expect(shown).not.toContain(preimage.trim());
    }
    expect(await count()).toBe(0);
  });

  it('that is not a value of 32 bytes is stored as it comes', async () => {
    const { db } = await withJob();
    const groups = 'ab:cd-ef 01.'.repeat(5);
    const texts = [
      'hash...',
      groups,
      `sha256:${'ab'.repeat(31)}`,
      `md5:${HEX}`,
      'h',
      'H',
      ' h ',
      'AB',
      'ab'.repeat(31),
      'x'.repeat(43),
      '0xab',
      // 43 and 73 characters: as long as base64 and grouped hex, and some end as base64 does.
      ...Array.from({ length: 32 }, () => `ph-svc-${randomUUID()}`),
      ...Array.from({ length: 32 }, () => `Ph-SVC-${randomUUID()}`),
      `${randomUUID()}-${randomUUID()}`,
      `${randomUUID()}:${randomUUID()}`.toUpperCase(),
      'invoice/2026/11/27/of-customer-alice/number',
      'INVOICE-2026-11-27-OF-CUSTOMER-ALICE-NR-004',
    ];
    for (const payment_hash of texts) {
      const id = await db.earnings.recordForJob('a', 5, { payment_hash, preimage: payment_hash });
      expect(await db.earnings.get(id)).toMatchObject({ payment_hash, preimage: payment_hash });
    }
  });

  it('that another program stored in upper case is found, and counted once', async () => {
    const { db, writeByAnother, count } = await withJob();
    await writeByAnother(
      `insert into earnings (id, job_id, amount_msats, source, payment_hash, earned_at)
       values ('foreign', 'a', 5, 'job', '${HEX.toUpperCase()}', 1)`,
    );
    expect(await db.earnings.byPaymentHash(HEX)).toMatchObject({ id: 'foreign' });
    expect(await db.earnings.byPaymentHash(HEX.toUpperCase())).toMatchObject({ id: 'foreign' });
    expect(await db.earnings.recordForJob('a', 5, { payment_hash: HEX })).toBe('foreign');
    await expect(db.earnings.recordForJob('a', 6, { payment_hash: HEX })).rejects.toMatchObject({
      code: 'DUPLICATE_PAYMENT',
      existingId: 'foreign',
    });
    const payment = { price_msats: 5, payment_hash: HEX, preimage: HEX };
    const { earning } = await db.jobs.completeWithPayment('a', payment);
    expect(earning).toMatchObject({ id: 'foreign', preimage: HEX });
    expect(await db.jobs.completeWithPayment('a', payment)).toMatchObject({ earning });
    expect(await count()).toBe(1);
  });

  it('is found in upper case when it was stored by us', async () => {
    const { db } = await withJob();
    const id = await db.earnings.recordForJob('a', 5, { payment_hash: HEX });
    expect(await db.earnings.byPaymentHash(HEX.toUpperCase())).toMatchObject({ id });
  });

  it('of any digest means the same', () => {
    fc.assert(
      fc.property(fc.nat(), (preimage) => {
        const bytes = createHash('sha256').update(String(preimage)).digest();
        const hex = bytes.toString('hex');
        expect(lowerCaseHex(hex)).toBe(hex);
        for (const [, spell] of SPELLINGS) expect(lowerCaseHex(spell(bytes))).toBe(hex);
      }),
    );
    expect(lowerCaseHex(randomBytes(31).toString('base64'))).toBeUndefined();
    expect(lowerCaseHex(randomBytes(33).toString('hex'))).toBeUndefined();
  });
});
