import {
  type AliasDeclarationNode,
  type ColumnMetadata,
  type DatabaseMetadata,
  type ExtendsClauseNode,
  type GeneratorDialect,
  GLOBAL_DEFINITIONS,
  GLOBAL_IMPORTS,
  type ImportStatementNode,
  type InterfaceDeclarationNode,
  type LiteralNode,
  type ObjectExpressionNode,
  type SerializeFileOptions,
  TypeScriptSerializer,
  transform,
} from 'kysely-codegen';
import { compareNames, type NamedEnum, nameEnums } from './enum-names.js';
import { WIDE_DECIMAL } from './kysely-codegen.js';
import { ComputedColumn } from './live-schema.js';

type Statement = ReturnType<typeof transform>[number];

const HEADER = `/**
 * Generated from the database schema; do not edit. After a migration: npm run codegen
 */

`;

/** Our formatter's line width, in characters. */
const LINE_WIDTH = 100;

/**
 * Writes kysely-codegen's interfaces plus, for each enumerated column, a named union and a runtime
 * array in the order of the CHECK. The same schema gives the same bytes on every machine, already
 * in our formatter's style.
 */
export class TypeScriptFile extends TypeScriptSerializer {
  override serializeFile(
    metadata: DatabaseMetadata,
    dialect: GeneratorDialect,
    options: SerializeFileOptions = {},
  ): string {
    const customImports = { GeneratedAlways: 'kysely', ...options.customImports };
    const draft = transform({ ...options, dialect, metadata });
    const enums = nameEnums(
      metadata,
      new Set([
        ...declaredNames(draft),
        ...Object.keys({ ...GLOBAL_DEFINITIONS, ...GLOBAL_IMPORTS, ...customImports }),
      ]),
    );
    const statements = transform({
      ...options,
      customImports,
      dialect,
      metadata,
      overrides: {
        columns: { ...this.#namedColumns(metadata, dialect, enums), ...options.overrides?.columns },
      },
    });
    const interfaces = statements.filter(isInterface).sort(byName);
    const others = statements.filter((statement) => !isInterface(statement));
    const sections = [
      ...(others.length > 0 ? [this.serializeStatements(others)] : []),
      ...enums.map((named) => this.#serializeEnum(named)),
      this.serializeStatements(interfaces),
    ];
    return HEADER + sections.join('\n');
  }

  override serializeAliasDeclaration(node: AliasDeclarationNode): string {
    const { body } = node;
    if (body.type !== 'Template' || body.expression.type !== 'ExtendsClause') {
      return super.serializeAliasDeclaration(node);
    }
    return super.serializeAliasDeclaration(node).replace(' = ', ' =\n  ');
  }

  override serializeExtendsClause(node: ExtendsClauseNode): string {
    return super.serializeExtendsClause(node).replaceAll('\n', '\n  ');
  }

  override serializeImportStatement(node: ImportStatementNode): string {
    return super.serializeImportStatement(node).replaceAll('"', "'");
  }

  /** `DB` as a type: `withTables<DB>()` takes no interface. */
  override serializeInterfaceDeclaration(node: InterfaceDeclarationNode): string {
    const written = super.serializeInterfaceDeclaration(node);
    if (node.id.name !== 'DB') return written;
    return `${written.replace('interface DB ', 'type DB = ').trimEnd()};`;
  }

  override serializeKey(key: string): string {
    const written = super.serializeKey(key);
    return written === key ? key : quote(key);
  }

  override serializeLiteral(node: LiteralNode): string {
    return typeof node.value === 'string' ? quote(node.value) : super.serializeLiteral(node);
  }

  override serializeObjectExpression(node: ObjectExpressionNode): string {
    const properties = [...node.properties].sort((a, b) => compareNames(a.key, b.key));
    const lines = properties.map((property) => `  ${this.serializeProperty(property)}`);
    return lines.length === 0 ? '{}' : `{\n${lines.join('')}}`;
  }

  #serializeEnum({ typeName, arrayName, values }: NamedEnum): string {
    const literals = values.map(quote);
    const type = breakIfLong(
      `export type ${typeName} = ${literals.join(' | ')};`,
      `export type ${typeName} =\n${literals.map((literal) => `  | ${literal}`).join('\n')};`,
    );
    const suffix = `as const satisfies readonly ${typeName}[];`;
    const array = breakIfLong(
      `export const ${arrayName} = [${literals.join(', ')}] ${suffix}`,
      `export const ${arrayName} = [\n${literals.map((literal) => `  ${literal},\n`).join('')}] ${suffix}`,
    );
    return `${type}\n\n${array}\n`;
  }

  /** Types that metadata alone can't say, by column path: unions and computed columns. */
  #namedColumns(
    metadata: DatabaseMetadata,
    { adapter }: GeneratorDialect,
    enums: readonly NamedEnum[],
  ): Record<string, string> {
    const typeNames = new Map(
      enums.flatMap(({ columns, typeName }) =>
        columns.map((path): [string, string] => [path, typeName]),
      ),
    );
    const types: Record<string, string> = {};
    for (const table of metadata.tables) {
      for (const column of table.columns) {
        const path = `${table.name}.${column.name}`;
        const typeName = typeNames.get(path);
        const computed = column instanceof ComputedColumn;
        const isDecimal = column.dataType === WIDE_DECIMAL;
        if (typeName === undefined && !computed && !isDecimal) continue;
        const scalar = adapter.scalars[column.dataType] ?? adapter.defaultScalar;
        const base = typeName ?? (isDecimal ? decimal(column) : this.serializeExpression(scalar));
        const value = column.isNullable ? `${base} | null` : base;
        const wrapper = computed ? 'GeneratedAlways' : column.hasDefaultValue ? 'Generated' : '';
        types[path] = wrapper === '' ? value : `${wrapper}<${value}>`;
      }
    }
    return types;
  }
}

function decimal({ isArray }: ColumnMetadata): string {
  return isArray ? '(number | string)[]' : 'number | string';
}

function isInterface(statement: Statement): boolean {
  return statement.type === 'ExportStatement' && statement.argument.type === 'InterfaceDeclaration';
}

/** Interfaces by name, `DB` last, as kysely-codegen has it. */
function byName(a: Statement, b: Statement): number {
  const name = (statement: Statement) =>
    statement.type === 'ExportStatement' ? statement.argument.id.name : '';
  if (name(a) === 'DB') return 1;
  return name(b) === 'DB' ? -1 : compareNames(name(a), name(b));
}

function declaredNames(statements: readonly Statement[]): string[] {
  return statements.flatMap((statement) =>
    statement.type === 'ExportStatement' ? [statement.argument.id.name] : [],
  );
}

/** `oneLine` if it fits our line width, else `broken`. */
function breakIfLong(oneLine: string, broken: string): string {
  return oneLine.length <= LINE_WIDTH ? oneLine : broken;
}

/** A string literal in the quotes that need fewer escapes, single ones by preference. */
function quote(value: string): string {
  const double = JSON.stringify(value);
  const singles = value.split("'").length;
  const doubles = value.split('"').length;
  if (singles > doubles) return double;
  return `'${double.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
