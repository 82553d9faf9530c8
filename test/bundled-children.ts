import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { LIBRARY_CHILD } from '../src/backup/child.js';
import { COMMAND_CHILD } from '../src/cli/shell/child.js';

// What operations do in a process of their own comes from the bundle, which was made of the same
// sources: under a TypeScript loader each process would take four times as long to start.
const dist = dirname(inject('cli'));
LIBRARY_CHILD.path = join(dist, 'library-child.js');
COMMAND_CHILD.path = join(dist, 'command-child.js');
