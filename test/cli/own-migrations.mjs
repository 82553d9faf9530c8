/** Migrations of a service, as `--migrations` takes them, for both engines. */
export const migrations = {
  '020_notes': async () => ({
    async up({ context: db, engine }) {
      const [blob, real] = engine === 'sqlite' ? ['blob', 'real'] : ['bytea', 'float8'];
      await db.schema
        .createTable('teams')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('parent', 'text', (column) => column.references('teams.id'))
        .execute();
      await db.insertInto('teams').values({ id: 'seed' }).execute();
      await db.schema
        .createTable('order')
        .addColumn('id', engine === 'sqlite' ? 'integer' : 'serial', (column) =>
          engine === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey(),
        )
        .addColumn('job', 'text', (column) => column.references('jobs.id'))
        .addColumn('Note"s', 'text')
        .addColumn('big', 'bigint')
        .addColumn('weight', real)
        .addColumn('bytes', blob)
        .addColumn('paid', 'boolean')
        .execute();
      await db.schema
        .alterTable('jobs')
        .addColumn('team', 'text', (column) => column.references('teams.id'))
        .execute();
    },
  }),
  '021_pending': async () => ({
    async up({ context: db }) {
      await db.schema.alterTable('teams').addColumn('later', 'text').execute();
    },
  }),
};
