import { ENGINE, type TestDatabase } from './database.js';

/** When a trigger of another program fires: `before insert on jobs`. */
export type TriggerEvent = `${'before' | 'after'} ${'insert' | 'update' | 'delete'} on ${string}`;

/** The statement doesn't happen, and no error says so. */
export const SWALLOW = Symbol('swallow');

let made = 0;

/** Makes a trigger as another program does: it swallows its statement, or runs `effect`. */
export async function foreignTrigger(
  { writeByAnother }: Pick<TestDatabase, 'writeByAnother'>,
  event: TriggerEvent,
  effect: typeof SWALLOW | string,
): Promise<void> {
  const name = `foreign_${++made}`;
  if (ENGINE === 'sqlite') {
    const body = effect === SWALLOW ? 'select raise(ignore)' : effect;
    return await writeByAnother(`create trigger ${name} ${event} begin ${body}; end`);
  }
  const row = event.includes('delete') ? 'old' : 'new';
  const body = effect === SWALLOW ? 'return null' : `${effect}; return ${row}`;
  await writeByAnother(
    `create function ${name}() returns trigger language plpgsql as $$ begin ${body}; end $$;
     create trigger ${name} ${event} for each row execute function ${name}()`,
  );
}
