/** `CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))`, as a server prints IN; of one, `= 'a'::text`. */
const ENUMERATION = /^CHECK \(\(\S+ = (?:ANY \(ARRAY\[(.*)\]\)|('.*'::text))\)\)$/;
const TEXT = /'((?:[^']|'')*)'::text(?:, |$)/g;

/** The texts that a CHECK allows, as the server prints it; undefined for one of any other form. */
export function enumeratedTexts(definition: string): string[] | undefined {
  const match = ENUMERATION.exec(definition);
  const list = match?.[1] ?? match?.[2];
  if (list === undefined) return undefined;
  const values = [...list.matchAll(TEXT)].map(([, text = '']) => text.replaceAll("''", "'"));
  // Anything else among them makes the whole something else.
  return list.replaceAll(TEXT, '') === '' ? values : undefined;
}
