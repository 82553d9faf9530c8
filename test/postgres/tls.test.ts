import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, it, onTestFinished, vi } from 'vitest';
import { generateTypes } from '../../src/codegen/index.js';
import { PylonDb } from '../../src/index.js';
import { failureOf } from '../engine/failure.js';
import { type Certificates, certificatesFor } from './certificates.js';
import { connected, describeOnServer, type OwnServer, opened } from './own-server.js';
import { onServer } from './server-commands.js';

/** What libpq would refuse, or what would be passed over. */
const MISTYPED = [
  'sslmode=requre',
  'sslmode=',
  'sslmode=Require',
  'sslmode=require%20',
  'sslmode=no-verify',
  'sslmode=true',
  'sslmode=require&sslmode=of',
  'sslmode=of&sslmode=require',
  'sslmod=require',
  'ssl_mode=require',
  'SSLMODE=require',
  'ssl=1',
  'ssl=',
  'ssl=false',
  'sslmode=verify-ca',
];

function withMode(mode: string): void {
  vi.stubEnv('PGSSLMODE', mode);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describeOnServer('sslmode of a server without TLS', (own) => {
  it.each(MISTYPED)('refuses ?%s', async (query) => {
    const { message, hint } = await failureOf(
      PylonDb.open(`${own.server.url()}?${query}`),
      'INVALID_ARGUMENT',
    );
    expect(`${message} ${hint}`).toContain('verify-full');
  });

  it('is refused by commands and by codegen as well', async () => {
    const url = `${own.server.url()}?sslmode=requre`;
    expect(await onServer(url, 'info')).toMatchObject({ exitCode: 2 });
    await expect(generateTypes(url)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each(['requre', '', 'no-verify', 'Disable', 'verify-ca'])(
    'refuses PGSSLMODE=%s, unless the URL has another',
    async (mode) => {
      withMode(mode);
      const { message } = await failureOf(PylonDb.open(own.server.url()), 'INVALID_ARGUMENT');
      expect(message).toMatch(/PGSSLMODE|sslrootcert/);
      await opened(`${own.server.url()}?sslmode=disable`);
    },
  );

  it.each(['disable', 'allow', 'prefer'])('opens with %s', async (mode) => {
    await opened(`${own.server.url()}?sslmode=${mode}`);
    withMode(mode);
    await opened(own.server.url());
  });

  it.each(['require', 'verify-full'])('does not open with %s', async (mode) => {
    await failureOf(PylonDb.open(`${own.server.url()}?sslmode=${mode}`), 'CANNOT_OPEN');
    withMode(mode);
    await failureOf(PylonDb.open(own.server.url()), 'CANNOT_OPEN');
  });
});

describeOnServer('sslmode of a server with TLS', (own) => {
  const reload = async (...statements: readonly string[]) => {
    const client = await connected(own.server.url());
    for (const statement of statements) await client.query(statement);
    const loadedAt = 'select pg_conf_load_time()::text as at';
    const [before] = (await client.query(loadedAt)).rows;
    await client.query('select pg_reload_conf()');
    // The server reads its files first, then tells its sessions, then takes new ones.
    while ((await client.query(loadedAt)).rows[0].at === before.at) await sleep(10);
  };
  const withCertificate = async ({ certificate, key }: Certificates) =>
    await reload(
      `alter system set ssl_cert_file = '${certificate}'`,
      `alter system set ssl_key_file = '${key}'`,
      'alter system set ssl = on',
    );

  it('means what it means to libpq', async () => {
    const known = certificatesFor('localhost');
    await withCertificate(known);
    const root = `&sslrootcert=${known.authority}`;
    expect(await connection(own, 'disable')).toBe('plain');
    expect(await connection(own, 'allow')).toBe('plain');
    expect(await connection(own, 'prefer')).toBe('TLS');
    expect(await connection(own, 'require')).toBe('TLS');
    expect(await connection(own, `verify-ca${root}`)).toBe('TLS');
    expect(await connection(own, `verify-full${root}`)).toBe('TLS');
    expect(await connection(own, 'disable&ssl=true')).toBe('plain');
    await failureOf(connection(own, 'verify-full'), 'CANNOT_OPEN');

    const other = certificatesFor('db.example');
    const wrongRoot = `&sslrootcert=${other.authority}`;
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await failureOf(connection(own, `${mode}${wrongRoot}`), 'CANNOT_OPEN');
    }
    await withCertificate(other);
    expect(await connection(own, `verify-ca${wrongRoot}`)).toBe('TLS');
    await failureOf(connection(own, `verify-full${wrongRoot}`), 'CANNOT_OPEN');
  });

  it('allow takes TLS where the server asks for it', async () => {
    await withCertificate(certificatesFor('localhost'));
    const client = await connected(own.server.url());
    const { rows } = await client.query("select current_setting('hba_file') as file");
    await reload(`copy (values ('hostssl all all 127.0.0.1/32 trust')) to '${rows[0]?.file}'`);
    expect(await connection(own, 'allow')).toBe('TLS');
    expect(await connection(own, 'prefer')).toBe('TLS');
    await failureOf(connection(own, 'disable'), 'CANNOT_OPEN');
  });
});

/** How a PylonDb with this mode is connected. */
async function connection({ server }: OwnServer, mode: string): Promise<string> {
  const url = server.url().replace('127.0.0.1', 'localhost');
  const db = await opened(`${url}?sslmode=${mode}`);
  const { rows } = await sql<{ ssl: boolean }>`
    select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(db.kysely);
  return rows[0]?.ssl === true ? 'TLS' : 'plain';
}
