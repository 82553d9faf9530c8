import { CreateIndexNode, CreateTableNode, type KyselyPlugin } from 'kysely';

/** Makes a migration create only those tables and indexes that aren't there. */
export const onlyMissing: KyselyPlugin = {
  transformQuery({ node }) {
    if (CreateTableNode.is(node)) return CreateTableNode.cloneWith(node, { ifNotExists: true });
    if (CreateIndexNode.is(node)) return CreateIndexNode.cloneWith(node, { ifNotExists: true });
    return node;
  },
  async transformResult({ result }) {
    return result;
  },
};
