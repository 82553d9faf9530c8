import { PylonDbError } from './errors.js';

const ANY_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const SERVER_SCHEME = /^postgres(?:ql)?:\/\//i;

/**
 * Whether a database is named by the URL of a PostgreSQL server, and not by a file's path. Throws
 * `NOT_SUPPORTED` for the URL of anything else.
 */
export function isServerUrl(text: string, operation: string): boolean {
  if (!ANY_SCHEME.test(text)) return false;
  if (SERVER_SCHEME.test(text)) return true;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    'only SQLite files and PostgreSQL servers can be opened',
    {},
    { operation, hint: 'Give the path of a pylon.db file, or postgres://user@host/database.' },
  );
}

/** A server's URL as it may be shown: without password and options. */
export function shownUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z]+:\/\/)([^?#]*)/i.exec(url) ?? [];
  const [authority = '', ...path] = rest.split('/');
  // Up to the last @: a password may have one.
  const at = authority.lastIndexOf('@');
  const user = at === -1 ? '' : `${authority.slice(0, at).split(':', 1).join('')}@`;
  return [`${scheme}${user}${authority.slice(at + 1)}`, ...path].join('/');
}
