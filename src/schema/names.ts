// Without generated code, so that codegen starts where there is none yet.

/** The published tables that services write: parents before what refers to them. */
export const DATA_TABLE_NAMES = ['jobs', 'earnings', 'agents', 'tick_history'] as const;

/** The names of all published tables. */
export const PUBLISHED_NAMES = [...DATA_TABLE_NAMES, 'migrations'] as const;

/** The name of a published table. */
export type PublishedName = (typeof PUBLISHED_NAMES)[number];

/** Whether a table is published. */
export function isPublished(name: string): name is PublishedName {
  return PUBLISHED_NAMES.some((published) => published === name);
}
