import { PylonDbError } from '../errors.js';
import type { Check } from '../schema/input.js';

const HEX = /^[0-9a-f]{64}$/i;

/** 43 digits hold 32 bytes and two bits more, which are 0: that leaves 16 for the last digit. */
const PADDED_BASE64 = /^[\w+/-]{42}[AEIMQUYcgkosw048]=$/;

/**
 * Without padding, a service's own text may look like it. A digest has letters of both cases: fewer
 * than three of one in 43 digits is one in six million.
 */
const BARE_BASE64 = /^(?=(?:.*?[A-Z]){3})(?=(?:.*?[a-z]){3})[\w+/-]{42}[AEIMQUYcgkosw048]$/;

/** Services make texts of their own with it: two are 64 hex digits, one and a prefix 43 characters. */
const UUID = /[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/i;

/** What nobody sees, and quotes: they come along when a value is copied from elsewhere. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}"'`]/gu;

/** What says how the digits behind it are meant. */
const LABEL = /^(?:0x|\\x|sha-?256[:=-])/i;

/** What stands between groups of hex digits. */
const SEPARATOR = /[\s:._-]/g;

/**
 * The lower-case hex of a 32-byte value, however it is spelled: in any case, in groups, behind `0x` or
 * `sha256:`, in base64 or base64url, with white space, quotes or unseen characters. `undefined` for
 * other texts, those with a UUID included.
 */
export function lowerCaseHex(text: string): string | undefined {
  if (HEX.test(text)) return text.toLowerCase();
  if (UUID.test(text)) return undefined;
  // Also letters and digits of another width.
  const word = text.normalize('NFKC').replace(UNSEEN, '').trim();
  for (const digits of [word, word.replace(LABEL, '')]) {
    const hex = digits.replace(SEPARATOR, '');
    if (HEX.test(hex)) return hex.toLowerCase();
    // Node reads both alphabets.
    if (PADDED_BASE64.test(digits) || BARE_BASE64.test(digits)) {
      return Buffer.from(digits, 'base64').toString('hex');
    }
  }
  return undefined;
}

/** What a payment's hash is stored as: the hash here, and in upper case where others wrote it so. */
export function hashSpellings(hash: string): { payment_hash: string; upper_hash: string } {
  return HEX.test(hash)
    ? { payment_hash: hash.toLowerCase(), upper_hash: hash.toUpperCase() }
    : { payment_hash: hash, upper_hash: hash };
}

/** A hash to store: `check`, and one spelling of 32 bytes only, or a payment would count twice. */
export function oneSpelling(check: Check): Check {
  return spelled(check, (hex) => `Give it as ${hex}.`);
}

/** A preimage to store, like {@link oneSpelling}; no error shows it. */
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
