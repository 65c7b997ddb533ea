/** A worker that does what it is told with its own thread, and says what the kernel thinks of it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const addon = createRequire(import.meta.url)(workerData.addon);

parentPort.on('message', ({ pin }) => {
  const errno = pin === undefined ? undefined : addon.pinThread(pin);
  const cpus = new Set();
  // Long enough for the kernel to move a thread that is not tied.
  const until = performance.now() + 20;
  while (performance.now() < until) cpus.add(addon.currentCpu());
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)[1];
  parentPort.postMessage({ errno, cpus: [...cpus], thread: Number(field('Pid')), allowed: field('Cpus_allowed_list') });
});
