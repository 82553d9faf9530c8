import { formatBytes } from '../../engine/sqlite/room.js';
import { fields } from '../shell/table.js';
import { visible } from '../shell/terminal-text.js';
import { formatCount } from '../shell/units.js';
import type { ServerCheckReport } from './server.js';
import { pendingLine, resultLine, showFinding, skippedFields } from './text.js';

/** What a check of a server found, for people: one line per fact, and a block a finding. */
export function showServerCheck(answer: ServerCheckReport & { readonly ok: boolean }): string {
  const objects = answer.database.objects ?? [];
  return [
    fields(factsOf(answer)),
    ...(objects.length === 0
      ? []
      : [
          fields(
            objects.map(({ name, type, bytes }) => [
              `${type} ${visible(name)}`,
              formatBytes(bytes),
            ]),
          ),
        ]),
    ...answer.findings.map(showFinding),
  ].join('\n\n');
}

function factsOf(answer: ServerCheckReport & { readonly ok: boolean }): [string, string][] {
  const { path, findings, skipped, repaired, sizes, database, versions, duration_ms } = answer;
  const { applied_migrations: applied, pending_migrations: pending } = database;
  const { pylon_db, pg, node } = versions;
  return [
    ['result', resultLine(findings)],
    ...repaired.map((what): [string, string] => ['repaired', what]),
    ['path', path],
    ['schema', visible(database.schema ?? 'none of the search path is there')],
    [
      'size',
      `${formatBytes(sizes.schema_bytes)} of ${formatBytes(sizes.database_bytes)} in the database`,
    ],
    ['migrations', `${formatCount(applied.length)} applied, ${pendingLine(pending)}`],
    ['versions', `pylon-db ${pylon_db}, PostgreSQL ${database.postgres}, pg ${pg}, Node ${node}`],
    [
      'role',
      `${visible(database.role)}${database.superuser ? ', a superuser: a service needs none' : ''}`,
    ],
    ['connections', `${database.connections} of ${database.max_connections}`],
    ['checksums', database.data_checksums ? 'on' : 'off: damaged pages go unnoticed'],
    ...(database.standby ? [['standby', 'it follows another server'] as [string, string]] : []),
    ...skippedFields(skipped).map(([label, value]): [string, string] => [label, value]),
    ['took', `${(duration_ms / 1000).toFixed(1)} s`],
  ];
}
