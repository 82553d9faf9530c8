import { inspect } from 'node:util';
import { expect } from 'vitest';
import { isPylonDbError } from '../../src/index.js';

/** A secret of a stored payment, found nowhere but where it was stored. */
export const PREIMAGE = 'c0ffee-preimage-of-the-payment';

/** An error as callers and logs get it: of this code, from this operation, and without secrets. */
export function expectCompleteError(error: unknown, code: string, operation: string): void {
  if (!isPylonDbError(error)) throw new Error(`Not ours: ${inspect(error)}`);
  expect({ code: error.code, operation: error.operation }).toEqual({ code, operation });
  expect(error.message.startsWith(`${operation}: `)).toBe(true);
  expect(error.hint).toMatch(/\w.+\.$/);
  expect(error.name).toBe('PylonDbError');
  expect(error).toMatchObject(error.details);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code, operation, hint: error.hint });
  const reported = [JSON.stringify(error), inspect(error, { depth: 9, showHidden: true })];
  for (const text of [...reported, error.stack, String(error)])
    expect(text).not.toContain(PREIMAGE);
}
