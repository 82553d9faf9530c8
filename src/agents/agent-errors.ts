import { PylonDbError } from '../errors.js';
import type { Agent } from './agent.js';

export function outOfRange(operation: string, column: keyof Agent, key: string): PylonDbError {
  return new PylonDbError(
    'OUT_OF_RANGE',
    `${column} of agent ${key} would leave 0 … 2^53-1`,
    { table: 'agents', column, key },
    { operation, hint: 'Nothing was changed. Look at the agent, then give another value.' },
  );
}

export function unknownAgent(operation: string, npub: string): never {
  throw new PylonDbError(
    'NOT_FOUND',
    `there is no agent ${npub}`,
    { entity: 'agent', id: npub },
    { operation, hint: 'Store the agent first with agents.upsert, or check the npub.' },
  );
}
