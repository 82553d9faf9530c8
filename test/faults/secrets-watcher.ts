import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

// Looks at the mode of everything below a folder, again and again without a pause, until a file
// called `stop` is next to it. Prints what others could have read, and how often it looked.

const [folder = '', stop = ''] = process.argv.slice(2);

const readable = new Set<string>();
const seen = new Set<string>();
let looks = 0;
while (!existsSync(stop)) {
  lookBelow(folder);
  looks += 1;
}
lookBelow(folder);
console.log(JSON.stringify({ looks, seen: [...seen], readable: [...readable] }));

function lookBelow(parent: string): void {
  for (const name of namesIn(parent)) {
    const path = join(parent, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    seen.add(path);
    if ((found.mode & 0o077) !== 0) readable.add(`${(found.mode & 0o777).toString(8)} ${path}`);
    if (found.isDirectory()) lookBelow(path);
  }
}

/** It may be gone since it was seen. */
function namesIn(parent: string): string[] {
  try {
    return readdirSync(parent);
  } catch {
    return [];
  }
}
