import { ENGINE, type TestDatabase } from './database.js';

/** When a trigger of another program fires: `before insert on jobs`. */
export type TriggerEvent = `${'before' | 'after'} ${'insert' | 'update' | 'delete'} on ${string}`;

/** The statement doesn't happen, and no error says so. */
export const SWALLOW = Symbol('swallow');

let made = 0;

/**
 * Makes a trigger as another program does: it runs `effect`, swallows its statement, or `first` does
 * one and then the other.
 */
export async function foreignTrigger(
  { writeByAnother }: Pick<TestDatabase, 'writeByAnother'>,
  event: TriggerEvent,
  effect: typeof SWALLOW | string,
  { first = '' } = {},
): Promise<void> {
  const name = `foreign_${++made}`;
  if (ENGINE === 'sqlite') {
    const body = effect === SWALLOW ? 'select raise(ignore)' : effect;
    return await writeByAnother(`create trigger ${name} ${event} begin ${first} ${body}; end`);
  }
  const row = event.includes('delete') ? 'old' : 'new';
  const body = effect === SWALLOW ? 'return null' : `${effect}; return ${row}`;
  await writeByAnother(
    `create function ${name}() returns trigger language plpgsql as $$ begin ${first} ${body}; end $$;
     create trigger ${name} ${event} for each row execute function ${name}()`,
  );
}
