import { type Argument, type Command, Help, type Option } from 'commander';
import { type Example, type HelpText, helpTextOf, type Note } from './help-text.js';
import { code, fenced, prose, sentence, table } from './markdown.js';

/** The text of docs/cli.md: what `--help` says of a program whose commands are all loaded. */
export function cliPage(program: Command): string {
  const help = helpTextOf(program);
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  const blocks = [
    `# The command line\n\n<!-- Written by \`npm run docs\` from what \`--help\` says. -->`,
    prose(program.description()),
    fenced('text', [new Help().commandUsage(program)]),
    ...exampleBlocks(help.examples),
    contents(commands, help),
    ...commands.flatMap(section),
    '## Global options',
    'Every command takes these, before its name or behind it.',
    optionTable([...program.options, helpOption(program)]),
    ...help.notes.flatMap((note) => noteBlocks(note, (title) => `## ${title}`)),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function contents(commands: readonly Command[], { notes }: HelpText): string {
  const lines = commands.map((command) => {
    const indent = '  '.repeat(depthOf(command) - 1);
    return `${indent}- ${link(nameOf(command))}: ${prose(command.description())}`;
  });
  const titles = ['Global options', ...notes.flatMap(({ title }) => title ?? [])];
  return [...lines, ...titles.map((title) => `- ${link(title)}`)].join('\n');
}

/** To a heading of the page, as GitHub names it. */
function link(heading: string): string {
  return `[${heading}](#${heading.toLowerCase().replaceAll(' ', '-')})`;
}

function section(command: Command): string[] {
  const { examples, notes } = helpTextOf(command);
  const options = command.options.filter(({ hidden }) => !hidden);
  return [
    `${'#'.repeat(depthOf(command) + 1)} ${nameOf(command)}`,
    sentence(command.description()),
    fenced('text', [new Help().commandUsage(command)]),
    ...(command.commands.length > 0 ? [subcommands(command)] : []),
    ...(command.registeredArguments.length > 0 ? [argumentTable(command.registeredArguments)] : []),
    ...(options.length > 0 ? [optionTable(options)] : []),
    ...exampleBlocks(examples),
    ...notes.flatMap((note) => noteBlocks(note, (title) => `**${title}**`)),
  ];
}

function subcommands(command: Command): string {
  const rows = command.commands.map((sub) => [link(nameOf(sub)), prose(sub.description())]);
  return table(['command', 'what it does'], rows);
}

function argumentTable(all: readonly Argument[]): string {
  const help = new Help();
  const rows = all.map((argument) => {
    const term = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
    return [code(term), prose(help.argumentDescription(argument))];
  });
  return table(['argument', 'meaning'], rows);
}

function optionTable(options: readonly Option[]): string {
  const help = new Help();
  const rows = options.map((option) => [
    code(help.optionTerm(option)),
    prose(help.optionDescription(option)),
  ]);
  return table(['option', 'meaning'], rows);
}

/** `--help` itself, which commander keeps apart from the options that are added. */
function helpOption(program: Command): Option {
  const option = new Help().visibleOptions(program).find(({ long }) => long === '--help');
  if (option === undefined) throw new Error('The program has no --help');
  return option;
}

function exampleBlocks(examples: readonly Example[]): string[] {
  if (examples.length === 0) return [];
  const width = Math.max(...examples.map(({ line }) => line.length));
  const lines = examples.map(({ line, purpose }) => `${line.padEnd(width)}  # ${purpose}`);
  return [fenced('sh', lines)];
}

function noteBlocks({ title, lines }: Note, heading: (title: string) => string): string[] {
  return [
    ...(title === undefined ? [] : [heading(title)]),
    ...runs(lines).map((run) => listed(run) ?? prose(run.join(' '))),
  ];
}

/** The lines of a list apart from the prose around it. */
function runs(lines: readonly string[]): string[][] {
  const runs: string[][] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run !== undefined && isListed(run[0]) === isListed(line)) run.push(line);
    else runs.push([line]);
  }
  return runs;
}

const isListed = (line = '') => listed([line]) !== undefined;

/** Lines of a name and its meaning as a table: `PYLON_DB  the file`, or `0 ok · 1 error`. */
function listed(lines: readonly string[]): string | undefined {
  const items = lines.flatMap((line) => line.split(' · '));
  const rows = items.map((item) => /^(\S+) {2,}(.+)$|^(\d) (.+)$/.exec(item));
  if (rows.includes(null)) return undefined;
  const cells = rows.map((row) => [
    code(row?.[1] ?? row?.[3] ?? ''),
    prose(row?.[2] ?? row?.[4] ?? ''),
  ]);
  return table(['', 'meaning'], cells);
}

function depthOf(command: Command): number {
  return command.parent === null ? 0 : depthOf(command.parent) + 1;
}

/** Without the program's: `backup list`. */
function nameOf(command: Command): string {
  const { parent } = command;
  const isTop = parent === null || parent.parent === null;
  return isTop ? command.name() : `${nameOf(parent)} ${command.name()}`;
}
