/** Types of texts that are compared byte by byte; others pad them with blanks, or ignore their case. */
const TYPE = '(?:text|character varying)';

const COLUMN = `(?:[^\\s"()]+|"(?:[^"]|"")*")`;

/**
 * `CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))`, as a server prints IN; of one value,
 * `= 'a'::text`. A varchar and its list are both cast to text.
 */
const ENUMERATION = new RegExp(
  `^CHECK \\(\\((?:${COLUMN}|\\(${COLUMN}\\)::text) = ` +
    `(?:ANY \\((?:ARRAY\\[(.*)\\]|\\(ARRAY\\[(.*)\\]\\)::text\\[\\])\\)|(E?'.*'::${TYPE}))\\)\\)$`,
  's',
);

/** One text; a backslash in it makes an escape string of it. */
const TEXT = new RegExp(`(E?)'((?:[^']|'')*)'::${TYPE}(?:, |$)`, 'g');

/** The distinct texts that a CHECK allows, as the server prints it; undefined for one of any other form. */
export function enumeratedTexts(definition: string): string[] | undefined {
  const match = ENUMERATION.exec(definition);
  const list = match?.[1] ?? match?.[2] ?? match?.[3];
  // Anything else among them makes the whole something else.
  if (list === undefined || list.replaceAll(TEXT, '') !== '') return undefined;
  const values = [...list.matchAll(TEXT)].map(([, escaped, text = '']) => {
    const unquoted = text.replaceAll("''", "'");
    return escaped === '' ? unquoted : unquoted.replaceAll('\\\\', '\\');
  });
  return [...new Set(values)];
}
