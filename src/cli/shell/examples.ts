/** The part of a command's help that shows whole command lines, each with what it is for. */
export function examples(lines: readonly (readonly [line: string, purpose: string])[]): string {
  const width = Math.max(...lines.map(([line]) => line.length));
  const shown = lines.map(([line, purpose]) => `  $ ${line.padEnd(width)}  ${purpose}`);
  return `\nExamples:\n${shown.join('\n')}`;
}
