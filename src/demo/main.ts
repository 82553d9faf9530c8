import { rmSync } from 'node:fs';
import { PylonDb } from '../index.js';
import { DemoClock, playDay } from './day.js';
import { report } from './report.js';

const PATH = '.demo/pylon.db';

for (const file of [PATH, `${PATH}-wal`, `${PATH}-shm`]) rmSync(file, { force: true });

const clock = new DemoClock();
const db = await PylonDb.open(PATH, { clock: clock.read });
try {
  const happenings = await playDay(db, clock);
  console.log(await report(db, PATH, happenings));
} finally {
  await db.close();
}
