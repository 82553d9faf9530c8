import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import { PUBLISHED_TABLES, stored } from '../file.js';
import { ANSWERS, CLEAN, FACTS, NAME, QUESTIONS } from '../fixture-answers.js';

it('rows of another implementation get the answers that its author gave, on a server too', async () => {
  const { db, time, writeByAnother, literals } = await testDatabase();
  time.now = FACTS.generated_at;
  for (const table of PUBLISHED_TABLES) {
    for (const row of stored(join(CLEAN, NAME), `select * from ${table}`)) {
      const columns = Object.keys(row);
      await writeByAnother(
        `insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
        ...Object.values(row),
      );
    }
    expect((await literals(table))[table]?.length).toBeGreaterThan(0);
  }
  for (const [key, ask] of Object.entries(QUESTIONS)) {
    expect(await ask(db), key).toEqual(Reflect.get(ANSWERS, key));
  }
});
