import { serveTask } from '../../backup/serve-task.js';
import { COMMAND_CHILD } from './tasks.js';

serveTask(COMMAND_CHILD.tasks);
