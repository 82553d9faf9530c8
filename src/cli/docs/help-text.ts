import type { Command } from 'commander';

/** What stands below the options in a command's `--help`. */
export interface HelpText {
  readonly examples: readonly Example[];
  readonly notes: readonly Note[];
}

/** A whole command line, and what it is for. */
export interface Example {
  readonly line: string;
  readonly purpose: string;
}

/** A paragraph, or what stands below a title such as `Values:`. */
export interface Note {
  readonly title: string | undefined;
  readonly lines: readonly string[];
}

/** Reads what a command's `--help` shows below its options, whatever the terminal's width. */
export function helpTextOf(command: Command): HelpText {
  const notes = paragraphs(belowOptions(command)).map(noteOf);
  const isExamples = ({ title }: Note) => title === 'Examples';
  return {
    examples: notes.filter(isExamples).flatMap(({ lines }) => lines.map(exampleOf)),
    notes: notes.filter((note) => !isExamples(note)),
  };
}

function belowOptions(command: Command): string {
  let shown = '';
  command.configureOutput({
    writeOut: (text) => {
      shown += text;
    },
  });
  command.outputHelp();
  return shown.slice(command.helpInformation().length);
}

function paragraphs(text: string): string[][] {
  const blocks = text
    .split(/\n{2,}/)
    .map((block) => block.split('\n').filter((line) => line !== ''));
  return blocks.filter((lines) => lines.length > 0);
}

function noteOf(lines: readonly string[]): Note {
  const title = /^(\w[\w ]*):$/.exec(lines[0] ?? '')?.[1];
  return { title, lines: lines.slice(title === undefined ? 0 : 1).map((line) => line.trim()) };
}

function exampleOf(line: string): Example {
  const [, shown, purpose] = /^\$ (.+?) {2,}(.+)$/.exec(line) ?? [];
  if (shown === undefined || purpose === undefined) throw new Error(`No example: ${line}`);
  return { line: shown, purpose };
}
