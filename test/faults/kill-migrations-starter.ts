import Database from 'better-sqlite3';
import { PylonDb } from '../../src/index.js';

// Opens a file, which migrates it. Given a number, it kills itself right before the statement of
// that number runs, or right after it.

const [path = '', at = '', when = ''] = process.argv.slice(2);
let left = at === '' ? Number.POSITIVE_INFINITY : Number(at);

function dieAt(moment: string): void {
  if (left === 0 && when === moment) process.kill(process.pid, 'SIGKILL');
}

/** Counts each statement that changes something; what SQLite does stays as it is. */
const prepare: (source: string) => Database.Statement = Database.prototype.prepare;
Object.defineProperty(Database.prototype, 'prepare', {
  value(this: Database.Database, source: string): Database.Statement {
    const statement = prepare.call(this, source);
    if (statement.readonly && !/^\s*(begin|commit)/i.test(source)) return statement;
    const run = statement.run.bind(statement);
    statement.run = (...parameters: unknown[]) => {
      left -= 1;
      dieAt('before');
      const result = run(...parameters);
      dieAt('after');
      return result;
    };
    return statement;
  },
});

const db = await PylonDb.open(path);
await db.jobs.create({ id: String(process.pid), kind: 1, customer_pubkey: 'c' });
await db.close();
console.log('migrated');
