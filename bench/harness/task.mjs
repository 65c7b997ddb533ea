/**
 * One task: one peer of one suite, in a process of its own, once. The process runs `child.mjs`, which sends back values by case, or notes.
 * A process that fails or takes too long is a failed task; the others go on.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url));
/** Agents of kilobytes need more heap than the default on a small machine. */
const NODE_OPTIONS = ['--expose-gc', '--max-old-space-size=4096'];

/**
 * @param {{ module: string, parameters?: object, taskTimeoutMs?: number }} task
 * @param {{ taskTimeoutMs: number }} size
 * @returns {Promise<{ values: { case: string, unit: string, value: number }[], notes: Record<string, unknown>, error: string | undefined }>}
 */
export function runTask(task, size) {
  const { taskTimeoutMs = size.taskTimeoutMs } = task;
  return new Promise((resolve) => {
    const values = [];
    const notes = {};
    let error;
    const child = fork(CHILD, [JSON.stringify({ module: task.module, parameters: task.parameters ?? {}, size })], {
      execArgv: NODE_OPTIONS,
      // As services run; XState and others check more without it.
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complaints = (complaints + text).slice(-4000);
    });
    const late = setTimeout(() => {
      error = `took longer than ${taskTimeoutMs} ms`;
      child.kill('SIGKILL');
    }, taskTimeoutMs);
    child.on('message', (message) => {
      if (message.type === 'value') values.push({ case: message.case, unit: message.unit, value: message.value });
      else if (message.type === 'note') notes[message.name] = message.value;
      else if (message.type === 'error') error ??= message.message;
    });
    child.on('close', (code, signal) => {
      clearTimeout(late);
      if (error === undefined && (code !== 0 || signal !== null)) error = `ended with ${signal ?? `code ${code}`}: ${complaints.trim()}`;
      resolve({ values, notes, error });
    });
  });
}
