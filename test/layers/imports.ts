import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** One import of a file, from another file of the project or from a package. */
export interface Import {
  readonly from: string;
  /** A file by its path in the project, or a package by its name; `node` for all of Node.js. */
  readonly to: string;
  readonly isFile: boolean;
  /** Whether it is gone at run time. */
  readonly isType: boolean;
}

/** The files that layers are about, by their paths in the project at `root`. */
export function sourceFiles(root: string): string[] {
  const inFolders = ['src', 'migrations', 'generated'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
      posix.join(folder, file),
    ),
  );
  return [...inFolders, 'kysely.config.ts'].filter((file) => /\.[cm]?[jt]sx?$/.test(file));
}

/** All imports of a file: static, lazy, of types, and what it exports from elsewhere. */
export function importsOf(root: string, file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  // Few files import anywhere else than at their top.
  const isDeep = /\bimport\s*\(/.test(text);
  const found: Import[] = [];
  const add = (specifier: ts.Expression | undefined, isType: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    found.push({ from: file, ...target(root, file, specifier.text), isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.isTypeOnly === true);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteralLike(node.argument.literal)) add(node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    if (isDeep) ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return found;
}

function target(root: string, file: string, specifier: string) {
  if (!specifier.startsWith('.')) return { to: packageOf(specifier), isFile: false };
  const path = posix.join(posix.dirname(file), specifier);
  // TypeScript's files are imported by the names that they have once compiled.
  const source = path.replace(/\.js$/, '.ts');
  return { to: existsSync(join(root, source)) ? source : path, isFile: true };
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return 'node';
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
