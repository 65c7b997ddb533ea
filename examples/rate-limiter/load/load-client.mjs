/** Starts the process that makes the load, and waits for its result. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./load-process.mjs', import.meta.url));

/**
 * @param {Omit<import('./load-process.mjs').Start, 'type'>} load
 * @param {(progress: import('./generator.mjs').Progress) => void} onProgress once a second
 * @returns {{ result: Promise<Extract<import('./load-process.mjs').FromLoad, { type: 'result' }>>, stop: () => void }}
 */
export function startLoad(load, onProgress) {
  const child = fork(PROGRAM, { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const result = new Promise((resolve, reject) => {
    child.on('message', (/** @type {import('./load-process.mjs').FromLoad} */ message) => {
      if (message.type === 'progress') onProgress(message.progress);
      else resolve(message);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`the load generator ended before its result: ${signal ?? `exit code ${code}`}`)));
  });
  child.send({ type: 'start', ...load });
  return {
    result,
    stop: () => {
      if (child.connected) child.send({ type: 'stop' });
    },
  };
}
