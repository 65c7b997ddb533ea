/**
 * A worker that sends or receives on a link between threads and stops at a step of it, to be killed there. It tells how many messages it had published, or handled.
 * workerData: dist, memory, role ('producer' or 'consumer'), stopAt (0: only measures), messages.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { links } from './link-thread.mjs';
import { faultPoint, onStep, stepped } from './stepped-memory.mjs';

const { dist, memory, role, stopAt, messages } = workerData;
const load = (file) => import(new URL(file, dist).href);
const { openInbound, openOutbound, send, emptyLog } = await links(load);
const { attachSharedMemory } = await load('bindings/shared-memory.js');
const shared = attachSharedMemory(memory);
const log = emptyLog();
let published = 0;
const point = faultPoint(shared, stopAt, (message) => parentPort.postMessage({ ...message, published, handled: log.told.length, corrupt: log.corrupt }));

if (role === 'producer') {
  const link = openOutbound(stepped(shared), (count) => {
    published = count;
  });
  onStep(point.reached);
  for (let number = 0; number < messages; number++) {
    send(link, 0, number);
    if (number % 6 === 5) link.flush();
  }
  link.flush();
} else {
  const link = openInbound(stepped(shared), 0, log);
  onStep(point.reached);
  link.read(5);
  link.takeWakeRequest();
  while (link.read(1024) > 0);
  link.takeWakeRequest();
}
onStep(() => undefined);
point.finish();
