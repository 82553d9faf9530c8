import { PylonDbError } from './errors.js';

const ANY_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const FILE_SCHEME = /^file:/i;
const SERVER_SCHEME = /^postgres(?:ql)?:\/\//i;

/**
 * Whether a database is named by the URL of a PostgreSQL server, and not by a file's path. Throws
 * `NOT_SUPPORTED` for the URL of anything else, `file:` included.
 */
export function isServerUrl(text: string, operation = ''): boolean {
  if (FILE_SCHEME.test(text)) throw fileUrl(text, operation);
  if (!ANY_SCHEME.test(text)) return false;
  if (SERVER_SCHEME.test(text)) return true;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    'only SQLite files and PostgreSQL servers can be opened',
    {},
    { operation, hint: 'Give the path of a pylon.db file, or postgres://user@host/database.' },
  );
}

/** Its options (`?mode=ro`, `?immutable=1`) would be dropped, and it would be a path with a colon. */
function fileUrl(url: string, operation: string): PylonDbError {
  const path = url.replace(/^file:(?:\/\/(?:localhost)?(?=\/))?/i, '').replace(/[?#].*/s, '');
  return new PylonDbError(
    'NOT_SUPPORTED',
    'a file: URL is not opened: databases are named by path',
    {},
    {
      operation,
      hint: `Give ${path === '' ? 'the path of a pylon.db file' : `the path, ${path},`} and readonly where nothing may change; ./file:… is a file of that name.`,
    },
  );
}

/**
 * A server's URL as it may be shown: without password and options. Where an @ stands behind the host,
 * a password may have been cut in two, and only the scheme is shown.
 */
export function shownUrl(url: string): string {
  const [, scheme = '', authority = '', rest = ''] =
    /^([a-z]+:\/\/)([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (rest.includes('@')) return `${scheme}…`;
  const at = authority.lastIndexOf('@');
  const user = at === -1 ? '' : `${authority.slice(0, at).split(':', 1).join('')}@`;
  const host = authority.slice(at + 1).replace(/:(?!\d+$).*/, ':…');
  return `${scheme}${user}${host}${rest.replace(/[?#].*/s, '')}`;
}
