/** The other end of `bare-uv-async-js`. Any message ends it. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadWakeUps } from './build.mjs';

const wakeUps = loadWakeUps(workerData);
wakeUps.openEnd(1, () => wakeUps.ringEnd(0));
parentPort.once('message', () => wakeUps.closeEnd(1));
parentPort.postMessage('open');
