import { serveTask } from './serve-task.js';
import { LIBRARY_CHILD } from './tasks.js';

serveTask(LIBRARY_CHILD.tasks);
