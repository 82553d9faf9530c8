import { PylonDbError } from '../../errors.js';

/** libpq's values of `sslmode`. */
const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

type Mode = (typeof MODES)[number];

/** Parameters of a URL about TLS that the driver looks at. Any other would be passed over. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation'],
]);

/** Modes that leave it to the server are tried as these, in this order. */
const TRIED_AS: Readonly<Partial<Record<Mode, readonly Mode[]>>> = {
  allow: ['disable', 'prefer'],
  prefer: ['prefer', 'disable'],
};

/**
 * The URL as the driver is to have it, so that `sslmode` and `PGSSLMODE` mean what they mean to libpq;
 * two of them, in the order in which they are to be tried, where the mode leaves it to the server.
 * Throws `INVALID_ARGUMENT` for what libpq wouldn't take: it never connects in plain text by a typo.
 */
export function urlsToTry(url: string, operation: string): readonly [string, string?] {
  const [, beforeHash = '', hash = ''] = /^([^#]*)(.*)$/s.exec(url) ?? [];
  const query = /\?(.*)$/s.exec(beforeHash)?.[1] ?? '';
  const mode = modeOf(new URLSearchParams(query), operation);
  if (mode === undefined) return [url];
  const sign = query === '' && !beforeHash.endsWith('?') ? '?' : '&';
  const withMode = (tried: Mode) =>
    `${beforeHash}${sign}uselibpqcompat=true&sslmode=${tried}${hash}`;
  const [first = mode, second] = TRIED_AS[mode] ?? [mode];
  return second === undefined ? [withMode(first)] : [withMode(first), withMode(second)];
}

function modeOf(given: URLSearchParams, operation: string): Mode | undefined {
  for (const name of given.keys()) {
    if (!/ssl/i.test(name) || KNOWN.has(name)) continue;
    throw refused(`the URL's parameter ${name} is not known`, operation);
  }
  // libpq has it for other drivers' URLs, and with this value only.
  const asked = given.getAll('ssl').map((value) => {
    if (value !== 'true') throw refused('ssl in the URL is not true', operation);
    return 'require' as const;
  });
  const modes = given
    .getAll('sslmode')
    .map((text) => toMode(text, 'sslmode in the URL', operation));
  const { PGSSLMODE } = process.env;
  const mode =
    modes.at(-1) ??
    asked.at(-1) ??
    (PGSSLMODE === undefined ? undefined : toMode(PGSSLMODE, 'PGSSLMODE', operation));
  if (mode === 'verify-ca' && !given.get('sslrootcert')) {
    throw refused('sslmode verify-ca needs sslrootcert in the URL', operation);
  }
  return mode;
}

function toMode(text: string, where: string, operation: string): Mode {
  const mode = MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw refused(`${where} is not a mode of TLS`, operation);
}

function refused(problem: string, operation: string): PylonDbError {
  const hint = `Give sslmode as ${MODES.slice(0, -1).join(', ')} or ${MODES.at(-1)}, and certificates as sslrootcert, sslcert and sslkey.`;
  return new PylonDbError('INVALID_ARGUMENT', problem, { field: 'path' }, { operation, hint });
}
