import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPylonDbError } from '../errors.js';
import { type CodegenTask, readArguments, USAGE } from './command-line.js';
import { generateTypes } from './generate.js';
import { findDrift, type GeneratedFile, generateOurs, writeGenerated } from './generated-files.js';

const GENERATED_FOLDER = fileURLToPath(new URL('../../generated', import.meta.url));

/** Exit codes as DESIGN §8 has them for every command. */
const EXIT = { ok: 0, error: 1, usage: 2, drift: 3 } as const;

async function run(task: CodegenTask): Promise<number> {
  const files = await generateFiles(task);
  let exitCode: number = EXIT.ok;
  for (const file of files) {
    const path = displayPath(file.path);
    if (!task.check) {
      writeGenerated(file);
      console.log(`${path}: written`);
      continue;
    }
    const drift = findDrift(file);
    if (drift === undefined) {
      console.log(`${path}: matches the schema`);
      continue;
    }
    console.error(`${path}: differs from the schema (- file, + schema). ${fixFor(task)}\n${drift}`);
    exitCode = EXIT.drift;
  }
  return exitCode;
}

async function generateFiles({ other }: CodegenTask): Promise<GeneratedFile[]> {
  if (other === undefined) return generateOurs(GENERATED_FOLDER);
  return [{ path: other.outFile, text: await generateTypes(other.database) }];
}

function displayPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}

function fixFor({ other }: CodegenTask): string {
  return other === undefined ? 'Run: npm run codegen' : 'Run the same without --check.';
}

function report(error: unknown): number {
  const [message = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  if (!isPylonDbError(error)) {
    console.error(`codegen: ${message}`);
    return EXIT.error;
  }
  console.error(`${message}. ${error.hint}`);
  if (error.code === 'INVALID_ARGUMENT') return EXIT.usage;
  return error.code === 'SCHEMA_MISMATCH' ? EXIT.drift : EXIT.error;
}

try {
  const task = readArguments(process.argv.slice(2));
  if (task === 'help') console.log(`Usage: ${USAGE}`);
  else process.exitCode = await run(task);
} catch (error) {
  process.exitCode = report(error);
}
