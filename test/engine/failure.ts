import { type ErrorCode, isPylonDbError, type PylonDbErrorOf } from '../../src/index.js';

/** What a call rejected with. Throws when it resolved. */
export async function rejection(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('The call resolved, but should have rejected');
}

/** The `PylonDbError` of code `code` that a call rejected with. Throws on any other outcome. */
export async function failureOf<C extends ErrorCode>(
  call: Promise<unknown>,
  code: C,
): Promise<PylonDbErrorOf<C>> {
  const error = await rejection(call);
  if (isPylonDbError(error, code)) return error;
  throw new Error(`Expected ${code}, got ${String(error)}`, { cause: error });
}
