import { programNextTo } from '../../backup/child.js';

/** What commands do in a process of their own. */
export const COMMAND_CHILD = { path: programNextTo(import.meta.url, 'command-child') };
