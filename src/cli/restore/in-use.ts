import { PylonDbError } from '../../errors.js';
import { endsByItself, named, type Opener, otherOpeners } from '../shell/openers.js';

/** Throws `IN_USE` when a process that we may see has the database open. */
export async function assertUnused(path: string): Promise<void> {
  const openers = await otherOpeners(path);
  if (openers.length > 0) throw inUseBy(path, openers);
}

/** `IN_USE` with the processes that can be seen: another user's can't, but their locks can. */
export async function inUse(path: string): Promise<PylonDbError<'IN_USE'>> {
  return inUseBy(path, await otherOpeners(path));
}

/** What has to be done about the processes before a restore can begin. */
export function wayOut(path: string, openers: readonly Opener[]): string {
  if (openers.length === 0) return `End it (\`sudo lsof ${path}\` shows which), and restore again.`;
  if (openers.every(endsByItself)) return 'It ends by itself: wait for it, and restore again.';
  const others = openers.filter((opener) => !endsByItself(opener));
  const end = `End ${others.length === 1 ? 'process' : 'processes'} ${others.map(({ pid }) => pid).join(', ')}`;
  const wait = others.length === openers.length ? '' : ', wait for the rest to end by itself';
  return `${end}${wait}, and restore again.`;
}

function inUseBy(path: string, openers: readonly Opener[]): PylonDbError<'IN_USE'> {
  return new PylonDbError(
    'IN_USE',
    `${path} is open in ${named(openers)}`,
    { pids: openers.map(({ pid }) => pid) },
    { hint: `Nothing was changed. ${wayOut(path, openers)}` },
  );
}
