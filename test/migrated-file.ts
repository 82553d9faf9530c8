import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { temporaryFolder } from './temporary.js';

let template: { readonly text: string; readonly identity: string } | undefined;

/**
 * Puts an empty database at `path`, unless a file is there: as `PylonDb.open` makes it, without
 * running the migrations again. Gives `path`.
 */
export function migratedFile(path = join(temporaryFolder(), 'pylon.db')): string {
  if (existsSync(path)) return path;
  const { path: made, identity } = inject('migrated');
  template ??= { text: readFileSync(made, 'latin1'), identity };
  // Each database has an identity of its own.
  const text = template.text.replaceAll(template.identity, randomUUID());
  writeFileSync(path, text, { encoding: 'latin1', mode: 0o600 });
  return path;
}
