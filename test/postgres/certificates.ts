import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.js';

/** Paths of an authority's certificate, and of a server's that it signed with its key. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** An authority of its own and a certificate for a server of this name; they go after the test. */
export function certificatesFor(host: string): Certificates {
  const folder = temporaryFolder();
  // The server's user reads its own from there.
  chmodSync(folder, 0o755);
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const fresh = (name: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}.key`)];
  openssl('req', '-x509', ...fresh('ca'), '-subj', '/CN=authority', '-out', at('ca.crt'));
  openssl('req', ...fresh('server'), '-subj', `/CN=${host}`, '-out', at('server.csr'));
  writeFileSync(at('names'), `subjectAltName=DNS:${host}`);
  openssl(
    ...['x509', '-req', '-in', at('server.csr'), '-out', at('server.crt'), '-extfile', at('names')],
    ...['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial'],
  );
  chmodSync(at('server.key'), 0o600);
  if (process.getuid?.() === 0) {
    const id = execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
    chownSync(at('server.key'), Number(id), 0);
  }
  return { authority: at('ca.crt'), certificate: at('server.crt'), key: at('server.key') };
}
