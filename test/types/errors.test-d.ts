import { describe, expectTypeOf, it } from 'vitest';
import {
  type ErrorCode,
  type ErrorDetails,
  isPylonDbError,
  type PylonDbError,
} from '../../src/index.js';

declare const error: unknown;

describe('isPylonDbError', () => {
  it('narrows the details to those of the code', () => {
    if (isPylonDbError(error, 'NOT_FOUND')) {
      expectTypeOf(error.code).toEqualTypeOf<'NOT_FOUND'>();
      expectTypeOf(error.id).toEqualTypeOf<string>();
      expectTypeOf(error.details.id).toEqualTypeOf<string>();
      expectTypeOf(error.entity).toEqualTypeOf<'job' | 'earning' | 'agent' | 'tick'>();
      expectTypeOf(error.operation).toEqualTypeOf<string>();
      expectTypeOf(error.hint).toEqualTypeOf<string>();
      expectTypeOf(error.cause).toEqualTypeOf<unknown>();
      // @ts-expect-error: NOT_FOUND has no field
      error.field;
      // @ts-expect-error: NOT_FOUND has no field
      error.details.field;
    }
    if (isPylonDbError(error, 'DUPLICATE_PAYMENT')) {
      expectTypeOf(error.existingId).toEqualTypeOf<string>();
      expectTypeOf(error.details.existingId).toEqualTypeOf<string>();
      // @ts-expect-error: it is called existingId
      error.id;
    }
    if (isPylonDbError(error, 'BUSY')) {
      expectTypeOf(error.waitedMs).toEqualTypeOf<number>();
    }
  });

  it('has for every code the same details on the error and in `details`', () => {
    const of = <C extends ErrorCode>(code: C) => {
      if (isPylonDbError(error, code)) return error;
      throw error;
    };
    expectTypeOf(of('ILLEGAL_TRANSITION').from).toEqualTypeOf<string>();
    expectTypeOf(of('ILLEGAL_TRANSITION').details.to).toEqualTypeOf<string>();
    expectTypeOf(of('INVALID_ARGUMENT').details.field).toEqualTypeOf<string>();
    expectTypeOf(of('CORRUPT_ROW').key).toEqualTypeOf<string>();
    expectTypeOf(of('OUT_OF_RANGE').key).toEqualTypeOf<string | undefined>();
    expectTypeOf(of('SCHEMA_MISMATCH').problems).toEqualTypeOf<readonly string[]>();
    expectTypeOf(of('MIGRATION_FAILED').migration).toEqualTypeOf<string>();
    expectTypeOf(of('IN_USE').details).toEqualTypeOf<Readonly<ErrorDetails['IN_USE']>>();
  });

  it('without a code says only that it is ours', () => {
    if (isPylonDbError(error)) {
      expectTypeOf(error).toExtend<PylonDbError>();
      expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
      // @ts-expect-error: not every code has an id
      error.id;
    }
  });

  it('takes no code that does not exist', () => {
    // @ts-expect-error
    isPylonDbError(error, 'LOST');
  });

  it('has details that nobody can change', () => {
    if (isPylonDbError(error, 'NOT_FOUND')) {
      // @ts-expect-error
      error.id = 'other';
      // @ts-expect-error
      error.details.id = 'other';
      // @ts-expect-error
      error.code = 'BUSY';
    }
  });
});
