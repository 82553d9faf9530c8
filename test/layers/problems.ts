import type { Layer } from './allow-list.js';
import type { Import } from './imports.js';

/** What the allow-list doesn't allow, one line each: files of no layer, imports, a circle. */
export function layerProblems(
  layers: readonly Layer[],
  files: readonly string[],
  imports: readonly Import[],
): string[] {
  const layerOf = layersOf(layers);
  return [
    ...listProblems(layers, new Set(files.map(layerOf))),
    ...files.flatMap((file) => (layerOf(file) === undefined ? `${file} has no layer` : [])),
    ...imports.flatMap((each) => importProblem(each, layerOf) ?? []),
    ...circlesOf(imports).map((circle) => `a circle of imports: ${circle.join(' → ')}`),
  ];
}

type LayerOf = (file: string) => Layer | undefined;

/** Gives the layer that names a file most exactly: itself, or the deepest of its folders. */
function layersOf(layers: readonly Layer[]): LayerOf {
  const named = new Map(layers.flatMap((layer) => layer.files.map((place) => [place, layer])));
  return (file) => {
    for (let place = file; place !== ''; place = place.replace(/[^/]*\/?$/, '')) {
      const layer = named.get(place);
      if (layer !== undefined) return layer;
    }
    return undefined;
  };
}

/** What is wrong with the list: layers without files, or that list what isn't below them. */
function listProblems(layers: readonly Layer[], used: ReadonlySet<Layer | undefined>): string[] {
  return layers.flatMap((layer, place) => {
    const below = layers.slice(place + 1).map(({ name }) => name);
    const notBelow = [...layer.imports, ...(layer.types ?? [])].filter(
      (name) => !below.includes(name),
    );
    return [
      ...(used.has(layer) ? [] : [`the layer ${layer.name} has no files`]),
      ...notBelow.map((name) => `${layer.name} lists ${name}, which is not a layer below it`),
    ];
  });
}

function importProblem(each: Import, layerOf: LayerOf): string | undefined {
  const layer = layerOf(each.from);
  if (layer === undefined) return undefined;
  const to = each.isFile ? layerOf(each.to) : undefined;
  if (each.isFile && to === layer) return undefined;
  const values: readonly string[] = (each.isFile ? layer.imports : layer.packages) ?? [];
  const types: readonly string[] = (each.isFile ? layer.types : layer.packageTypes) ?? [];
  const name = each.isFile ? to?.name : each.to;
  if (name !== undefined && values.includes(name)) return undefined;
  const isTypeListed = name !== undefined && types.includes(name);
  if (isTypeListed && each.isType) return undefined;
  const where = each.isFile ? `${each.to} (${name ?? 'no layer'})` : each.to;
  return isTypeListed
    ? `${each.from} (${layer.name}) may import only types of ${where}`
    : `${each.from} (${layer.name}) may not import ${where}`;
}

/** The shortest circle found of files that import each other, lazily or for types too; or none. */
function circlesOf(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to, isFile } of imports) {
    if (isFile) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  // One import may close dozens of circles.
  return found.sort((a, b) => a.length - b.length).slice(0, 1);
}
