/**
 * The load generator as a process of its own, so that it takes no time of the service's thread: started by `load-client.mjs`, talks by IPC messages. Commands:
 * `start`, `stop`. It ends when its parent does.
 */
import { readAccessLog } from '../access-log-file.mjs';
import { generateLoad } from './generator.mjs';

/**
 * @typedef {object} Start
 * @property {'start'} type
 * @property {string} url
 * @property {number} connections
 * @property {import('../policy.mjs').PolicyChanges} policy
 * @property {{ type: 'traffic', clients: number, seconds: number } | { type: 'log', path: string }} source
 */

/** @typedef {Omit<import('../access-log-file.mjs').AccessLog, 'requests'> & { requests: number, fromMs: number, toMs: number }} LogSummary */

/**
 * @typedef {{ type: 'progress', progress: import('./generator.mjs').Progress } | { type: 'result', result: import('./generator.mjs').LoadResult, log?: LogSummary }} FromLoad
 */

let isStopped = false;
/** @type {() => void} */
let stop = () => {
  isStopped = true;
};

process.on('message', async (/** @type {Start | { type: 'stop' }} */ message) => {
  if (message.type === 'stop') return stop();
  const { log, source } = await prepare(message.source);
  const load = generateLoad({ ...message, source }, (progress) => send({ type: 'progress', progress }));
  stop = load.stop;
  // It came while the log was read.
  if (isStopped) stop();
  const result = await load.result;
  // Only when it is written: a large message takes several turns.
  send({ type: 'result', result, ...(log === undefined ? {} : { log }) }, () => process.disconnect());
});
// The parent decides what a signal to all of the group means.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

/** @param {Start['source']} source */
async function prepare(source) {
  if (source.type === 'traffic') return { source, log: undefined };
  const { requests, ...counts } = await readAccessLog(source.path);
  let fromMs = Infinity;
  let toMs = -Infinity;
  for (const { atMs } of requests) {
    fromMs = Math.min(fromMs, atMs);
    toMs = Math.max(toMs, atMs);
  }
  return { source: { type: /** @type {const} */ ('log'), requests }, log: { ...counts, requests: requests.length, fromMs, toMs } };
}

/**
 * @param {FromLoad} message
 * @param {() => void} [onSent]
 */
function send(message, onSent) {
  process.send?.(message, undefined, {}, onSent);
}
