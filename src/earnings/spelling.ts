import { PylonDbError } from '../errors.js';
import type { Check } from '../schema/input.js';

const HEX = /^(?:0x)?([0-9a-f]{64})$/i;

/** 43 digits hold 32 bytes and two bits more, which are 0: that leaves 16 for the last digit. */
const BASE64 = /^[\w+/-]{42}[AEIMQUYcgkosw048]=?$/;

/**
 * The lower-case hex of a 32-byte value, however it is spelled: in any case, with `0x`, in base64 or
 * base64url, with white space around it. `undefined` for other texts.
 */
export function lowerCaseHex(text: string): string | undefined {
  const word = text.trim();
  const hex = HEX.exec(word)?.[1];
  if (hex !== undefined) return hex.toLowerCase();
  // Node reads both alphabets.
  return BASE64.test(word) ? Buffer.from(word, 'base64').toString('hex') : undefined;
}

/** What a payment's hash is stored as: the hash here, and in upper case where others wrote it so. */
export function hashSpellings(hash: string): { payment_hash: string; upper_hash: string } {
  const isHex = HEX.test(hash) && hash.length === HEX_DIGITS;
  return isHex
    ? { payment_hash: hash.toLowerCase(), upper_hash: hash.toUpperCase() }
    : { payment_hash: hash, upper_hash: hash };
}

const HEX_DIGITS = 64;

/** A hash to store: `check`, and one spelling of 32 bytes only, or a payment would count twice. */
export function oneSpelling(check: Check): Check {
  return spelled(check, (hex) => `Give it as ${hex}.`);
}

/** A preimage to store, like {@link oneSpelling}; no error tells it. */
export function oneSecretSpelling(check: Check): Check {
  return spelled(check, () => 'Give its 64 hex digits in lower case, and nothing around them.');
}

function spelled(check: Check, hint: (hex: string) => string): Check {
  return (value, field, operation) => {
    check(value, field, operation);
    const hex = lowerCaseHex(String(value));
    if (hex === undefined || hex === value) return;
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `${field} must be lower-case hex, not another spelling of these 32 bytes`,
      { field },
      { operation, hint: hint(hex) },
    );
  };
}
