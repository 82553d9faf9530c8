import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS } from './allow-list.js';
import { importsOf, sourceFiles } from './imports.js';
import { layerProblems } from './problems.js';
import { withTable } from './table.js';

// `npm run check:layers`: every import is one that the allow-list allows, and docs/architecture.md
// shows that list. With `--write` it writes the table there.
const ROOT = join(import.meta.dirname, '../..');
const PAGE = 'docs/architecture.md';

const files = sourceFiles(ROOT);
const problems = layerProblems(
  LAYERS,
  files,
  files.flatMap((file) => importsOf(ROOT, file)),
);
const page = readFileSync(join(ROOT, PAGE), 'utf8');
const written = withTable(page);
if (process.argv.includes('--write')) writeFileSync(join(ROOT, PAGE), written);
else if (written !== page) {
  problems.push(`${PAGE}: its layers differ from test/layers/allow-list.ts. Run: npm run docs`);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${files.length} files keep to their layers`);
