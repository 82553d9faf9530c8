import type { OpenOptions } from '../src/index.js';
import type { Looks } from './database.js';
import { literals, stored, testFile, writeByAnother } from './file.js';

/** A file in a folder of its own; see `TestDatabase`. */
export async function sqliteDatabase(options: OpenOptions): Promise<Looks> {
  const { path, db, time, open } = await testFile(options);
  return {
    db,
    url: path,
    time,
    open,
    stored: async (sql, ...parameters) => stored(path, sql, ...parameters),
    literals: async (...tables) => literals(path, ...tables),
    writeByAnother: async (sql, ...parameters) => writeByAnother(path, sql, ...parameters),
    refuse: async (event, when) =>
      writeByAnother(
        path,
        `create trigger refuse ${event} ${when === undefined ? '' : `when ${when}`}
         begin select raise(abort, 'refused'); end`,
      ),
    swallow: async (event) => {
      const removes = /^after insert on (\w+)$/.exec(event);
      const body =
        removes === null ? 'select raise(ignore)' : `delete from ${removes[1]} where id = new.id`;
      writeByAnother(path, `create trigger swallow ${event} begin ${body}; end`);
    },
  };
}
