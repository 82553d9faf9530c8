import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wholeProgram } from '../command-line.js';
import { cliPage } from './page.js';

const PAGE = fileURLToPath(new URL('../../../docs/cli.md', import.meta.url));

// `npm run docs` writes the page; with `--check` it exits 1 when the file says something else.
const [first, ...rest] = process.argv.slice(2);
const isCheck = first === '--check';
const path = (isCheck ? rest[0] : first) ?? PAGE;
const shownPath = relative(process.cwd(), path);

const page = cliPage(await wholeProgram());
if (!isCheck) {
  writeFileSync(path, page);
  console.log(`${shownPath}: written`);
} else if (existsSync(path) && readFileSync(path, 'utf8') === page) {
  console.log(`${shownPath}: matches --help`);
} else {
  console.error(`${shownPath}: differs from what --help says. Run: npm run docs`);
  process.exitCode = 1;
}
