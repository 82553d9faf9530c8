import { openWriter } from '../engine/sqlite/open.js';
import { repairOwnSchema } from './own-schema-repair.js';

/** What the child needs to know. */
export interface RepairSchemaInput {
  /** Absolute. */
  readonly path: string;
  /** The names of the migrations that the caller's pylon-db knows. */
  readonly known: readonly string[];
  /** How long the repair waits for other processes, in ms. */
  readonly busyTimeoutMs: number;
}

/** Makes our own objects of a file again, and counts its totals; writers wait meanwhile. */
export async function repairSchema(input: RepairSchemaInput): Promise<void> {
  const props = { ...input };
  const db = await openWriter({ ...props, durability: 'normal', create: false });
  try {
    await repairOwnSchema(db, props);
  } finally {
    db.close();
  }
}
