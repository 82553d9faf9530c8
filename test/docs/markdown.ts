import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** A fenced code block. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** The text of the heading above it. */
  readonly heading: string;
}

/** A `ts` block that begins with a comment of its own path: `// src/example.ts`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** What the `text` block right after it says that it prints. */
  readonly prints: string | undefined;
}

/** Reads a text file of the project. */
export function readProject(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** By what links name the headings of a Markdown text, as GitHub makes it. */
export function anchors(markdown: string): string[] {
  const headings = markdown.match(/^#+ .+$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The fenced code blocks of a Markdown text, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = '';
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split('\n')) {
    if (open !== undefined && line !== '```') open.lines.push(`${line}\n`);
    else if (open !== undefined) {
      blocks.push({ language: open.language, text: open.lines.join(''), heading });
      open = undefined;
    } else if (line.startsWith('```')) open = { language: line.slice(3), lines: [] };
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  if (open !== undefined) throw new Error(`A code block under "${heading}" has no end`);
  return blocks;
}

/** The TypeScript files that code blocks show. Throws for a `ts` block that names no path. */
export function sourceFiles(blocks: readonly CodeBlock[]): SourceFile[] {
  return blocks.flatMap((block, index) => {
    if (block.language !== 'ts') return [];
    const path = /^\/\/ (\S+\.ts)\n/.exec(block.text)?.[1];
    if (path === undefined) {
      throw new Error(`The ts block under "${block.heading}" begins without its path: // src/x.ts`);
    }
    const next = blocks[index + 1];
    const prints = next?.language === 'text' ? next.text : undefined;
    return [{ path, text: block.text, prints }];
  });
}

/** The TypeScript files that documents show. */
export function documentedFiles(...documents: readonly string[]): SourceFile[] {
  return documents.flatMap((document) => sourceFiles(codeBlocks(readProject(document))));
}

/** The commands of `sh` blocks, a line each, without comments. */
export function commands(blocks: readonly CodeBlock[]): string[] {
  return blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '');
}
