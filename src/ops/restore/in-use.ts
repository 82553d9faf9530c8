import { PylonDbError } from '../../errors.js';
import { otherOpeners } from '../openers.js';

/** Processes that a message names; more of them only make it longer. */
const NAMED = 5;

/** Throws `IN_USE` when a process that we may see has the database open. */
export async function assertUnused(path: string): Promise<void> {
  const openers = await otherOpeners(path);
  if (openers.length > 0) throw await inUse(path);
}

/** `IN_USE` with the processes that can be seen: another user's can't, but their locks can. */
export async function inUse(path: string): Promise<PylonDbError<'IN_USE'>> {
  const openers = await otherOpeners(path);
  const named = openers.slice(0, NAMED).map(({ pid, command }) => `${pid} (${command})`);
  const more = openers.length > NAMED ? ` and ${openers.length - NAMED} more` : '';
  const by = named.length === 0 ? 'another process' : `process ${named.join(', ')}${more}`;
  return new PylonDbError(
    'IN_USE',
    `${path} is open in ${by}`,
    { pids: openers.map(({ pid }) => pid) },
    { operation: '', hint: 'Nothing was changed. End it, and restore again.' },
  );
}
