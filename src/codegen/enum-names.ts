import { type DatabaseMetadata, TypeScriptSerializer } from 'kysely-codegen';

/** A union type and its runtime array, for every column that has exactly these values. */
export interface NamedEnum {
  readonly typeName: string;
  readonly arrayName: string;
  readonly values: readonly string[];
  /** As kysely-codegen's overrides name a column: `jobs.status`. */
  readonly columns: readonly string[];
}

interface EnumColumn {
  readonly path: string;
  readonly values: readonly string[];
  /** The name's words: `lifecycle_state` alone, `status` only with its table. */
  readonly words: readonly string[];
  readonly wordsWithTable: readonly string[];
}

const singularize =
  new TypeScriptSerializer({ singularize: true }).singularize ?? ((word: string) => word);

/**
 * Names the enumerated columns: of several words by the column (`LifecycleState`), of one word by
 * the table and the column (`JobStatus`). Columns of one name and the same values share a type; if
 * their values differ, each takes its table's name. What is taken all the same gets a number.
 */
export function nameEnums(
  metadata: DatabaseMetadata,
  takenTypeNames: ReadonlySet<string>,
): NamedEnum[] {
  const typeNames = new Set(takenTypeNames);
  const arrayNames = new Set<string>();
  return groupBy(enumColumns(metadata), ({ words }) => pascalCase(words))
    .flatMap((group) => {
      const shared = groupBy(group, ({ values }) => JSON.stringify(values));
      return shared.length === 1
        ? [{ words: group[0]?.words ?? [], columns: group }]
        : group.map((column) => ({ words: column.wordsWithTable, columns: [column] }));
    })
    .map(({ words, columns }) => ({
      typeName: claim(pascalCase(words), typeNames),
      arrayName: claim(plural(words.map((word) => word.toUpperCase()).join('_')), arrayNames),
      values: columns[0]?.values ?? [],
      columns: columns.map(({ path }) => path),
    }));
}

function enumColumns(metadata: DatabaseMetadata): EnumColumn[] {
  return metadata.tables
    .flatMap((table) =>
      table.columns.flatMap((column) => {
        if (column.enumValues === null) return [];
        const words = splitWords(column.name);
        const wordsWithTable = [...splitWords(singularize(table.name)), ...words];
        return {
          path: `${table.name}.${column.name}`,
          values: column.enumValues,
          words: words.length > 1 ? words : wordsWithTable,
          wordsWithTable,
        };
      }),
    )
    .sort((a, b) => compareNames(a.path, b.path));
}

/** Orders names by their code units: the same on every machine, unlike `localeCompare`. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function splitWords(name: string): string[] {
  return name
    .replaceAll(/([\p{Ll}\p{Nd}])(\p{Lu})/gu, '$1_$2')
    .split(/[^\p{L}\p{Nd}]+/u)
    .filter((word) => word !== '');
}

function pascalCase(words: readonly string[]): string {
  const name = words
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
  return /^\p{L}/u.test(name) ? name : `_${name}`;
}

function plural(word: string): string {
  const name = /^\p{L}/u.test(word) ? word : `_${word}`;
  if (/(S|X|Z|CH|SH)$/.test(name)) return `${name}ES`;
  return /[^AEIOU]Y$/.test(name) ? `${name.slice(0, -1)}IES` : `${name}S`;
}

/** `name`, or `name` with the lowest free number from 2, which is taken from then on. */
function claim(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}${number}`;
  taken.add(free);
  return free;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
