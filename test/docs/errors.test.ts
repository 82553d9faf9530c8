import ts from 'typescript';
import { expect, it } from 'vitest';
import { readProject } from './markdown.js';

/** The details of each code as the type says: `code` → names, with `?` where they are optional. */
function typedDetails(): Record<string, string[]> {
  const source = ts.createSourceFile(
    'errors.ts',
    readProject('src/errors.ts'),
    ts.ScriptTarget.Latest,
  );
  const details = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === 'ErrorDetails',
  );
  return Object.fromEntries((details?.members ?? []).map((member) => codeOf(member, source)));
}

function codeOf(member: ts.TypeElement, source: ts.SourceFile): [string, string[]] {
  const type = ts.isPropertySignature(member) ? member.type : undefined;
  const fields = type !== undefined && ts.isTypeLiteralNode(type) ? type.members : [];
  return [
    member.name?.getText(source) ?? '',
    fields.map((field) => `${field.name?.getText(source)}${field.questionToken ? '?' : ''}`),
  ];
}

/** The same from the tables of docs/errors.md. */
function documentedDetails(): [string, string[]][] {
  const rows = readProject('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \|([^|]*)\|/gm);
  return [...rows].map(([, code = '', details = '']) => [
    code,
    [...details.matchAll(/`(\w+\??)`/g)].map(([, field = '']) => field),
  ]);
}

it('docs/errors.md lists every code once, with its details', () => {
  const documented = documentedDetails();
  expect(documented.length).toBeGreaterThan(20);
  expect(new Set(documented.map(([code]) => code)).size).toBe(documented.length);
  expect(Object.fromEntries(documented)).toEqual(typedDetails());
});

it('docs/errors.md names exit codes as the command line has them', () => {
  const codes = /Exit codes: (.*?)\.\n/s.exec(readProject('docs/errors.md'))?.[1];
  const reported = readProject('src/cli/command-line.ts').replaceAll(/\s+/g, ' ');
  for (const part of (codes ?? '').replaceAll('\n', ' ').split(' · '))
    expect(reported).toContain(part);
});
