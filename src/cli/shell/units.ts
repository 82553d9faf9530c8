const MSATS_PER_SAT = 1000n;
const number = new Intl.NumberFormat('en');

/** `1,234.567 sats` of an amount in millisatoshis; exact. */
export function formatMsats(msats: number | bigint): string {
  const exact = BigInt(msats);
  const size = exact < 0n ? -exact : exact;
  const rest = size % MSATS_PER_SAT;
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(3, '0')}`;
  const sign = exact < 0n ? '-' : '';
  return `${sign}${number.format(size / MSATS_PER_SAT)}${fraction} sats`;
}

/** `1,234 sats`. */
export function formatSats(sats: number): string {
  return `${number.format(sats)} sats`;
}

/** `1,234`. */
export function formatCount(count: number): string {
  return number.format(count);
}

/** `2026-01-31 23:59:59` in UTC of unix seconds; the number itself where no calendar reaches. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '');
}

/** Like {@link formatTime}; nothing for a time that is not set. */
export function formatOptionalTime(seconds: number | null): string {
  return seconds === null ? '' : formatTime(seconds);
}

/** `1 row`, `1,234 rows`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
