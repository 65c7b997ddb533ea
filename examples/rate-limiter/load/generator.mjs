/**
 * Sends the load with autocannon and gives every answer to the verifier. One request at a time on each connection, so that an answer belongs to the request before
 * it. A run ends without cutting anything off: every connection gets its last answer first.
 *
 * autocannon is used for connections, HTTP and errors; what is asked next comes from `traffic.mjs`, or from a log. It builds the next request of a connection only
 * when it has handed over the answer to the one before.
 */
import { createHistogram } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { seededRandom } from '../seeded-random.mjs';
import { Traffic } from './traffic.mjs';
import { Verifier } from './verifier.mjs';

const REQUEST_TIMEOUT_S = 10;
/** More errors of connections than this, and the run ends: the service is gone. */
const ERRORS_MAX = 50;
const SEED = 1;
const NS_PER_MS = 1e6;

/** @typedef {import('./verifier.mjs').Sent & { index: number }} Asked */
/** @typedef {{ next: () => Asked, requests?: number }} Source of one connection; without `requests` it does not end by itself */

/**
 * @typedef {object} Progress
 * @property {number} answered
 * @property {number} refused
 * @property {number} problems
 */

/**
 * @typedef {object} LoadResult
 * @property {number} sent
 * @property {number} answered
 * @property {number} admitted
 * @property {number} refused
 * @property {number} seconds  From the first request to the last answer.
 * @property {{ p50: number, p99: number, p999: number, max: number }} latencyMs
 * @property {import('./verifier.mjs').ClientTotals[]} clients
 * @property {import('./verifier.mjs').Problems} problems
 */

/**
 * @param {object} load
 * @param {string} load.url
 * @param {number} load.connections
 * @param {import('../policy.mjs').PolicyChanges} load.policy
 * @param {{ type: 'traffic', clients: number, seconds: number } | { type: 'log', requests: import('../access-log-file.mjs').LoggedRequest[] }} load.source
 * @param {(progress: Progress) => void} onProgress once a second
 * @returns {{ result: Promise<LoadResult>, stop: () => void }} `stop` ends the run early, in order
 */
export function generateLoad({ url, connections, policy, source }, onProgress) {
  const verifier = new Verifier(policy);
  const latency = createHistogram({ lowest: 1, highest: 600_000 * NS_PER_MS, figures: 3 });
  const traffic = source.type === 'traffic' ? trafficOf(source.clients, policy) : undefined;
  const sources =
    source.type === 'log' ? partition(source.requests, connections) : Array.from({ length: connections }, () => ({ next: () => nextOf(traffic) }));
  if (sources.length === 0) return { result: Promise.resolve(resultOf(verifier, latency, 0, true)), stop: () => undefined };
  /** @type {{ responseMax?: number, reqsMade: number }[]} */
  const clients = [];
  /** @type {Set<Asked>} */
  const waiting = new Set();
  let firstSentMs = 0;
  let lastAnsweredMs = 0;

  /** @param {any} client a connection of autocannon */
  function setupClient(client) {
    const own = /** @type {Source} */ (sources[clients.length]);
    clients.push(client);
    // A connection ends itself in order when it has made so many requests.
    if (own.requests !== undefined) client.responseMax = own.requests;
    /** @type {Asked | undefined} */
    let asked;
    const setupRequest = (/** @type {{ path: string }} */ request) => {
      // The first request is prepared with the connection, and the last one again when it ends.
      if (client.destroyed) return request;
      if (asked !== undefined) {
        waiting.delete(asked);
        verifier.onUnanswered(asked.client, 'the connection broke or timed out before the answer');
      }
      if (own.requests !== undefined && client.reqsMade >= own.requests) return request;
      asked = own.next();
      waiting.add(asked);
      verifier.onSent(asked);
      if (firstSentMs === 0) firstSentMs = asked.sentMs;
      request.path = pathOf(asked);
      return request;
    };
    const onResponse = (
      /** @type {number} */ status,
      /** @type {string} */ body,
      /** @type {object} */ _context,
      /** @type {Record<string, string>} */ headers,
    ) => {
      const receivedMs = performance.now();
      if (asked === undefined) return verifier.onFailure('unanswered', `an answer to nothing: ${status} ${body.slice(0, 200)}`);
      const answered = asked;
      asked = undefined;
      waiting.delete(answered);
      lastAnsweredMs = receivedMs;
      latency.record(Math.max(1, Math.round((receivedMs - answered.sentMs) * NS_PER_MS)));
      verifier.onAnswer(answered, { status, body, retryAfter: headers['Retry-After'], receivedMs });
      traffic?.answered(answered.index, receivedMs);
    };
    client.setRequests([{ setupRequest, onResponse }]);
  }

  const stop = () => {
    for (const client of clients) client.responseMax = Math.max(1, client.reqsMade);
  };
  const run = autocannon({
    url,
    connections: sources.length,
    pipelining: 1,
    // It would cut requests off: the end is decided here.
    duration: 1_000_000,
    timeout: REQUEST_TIMEOUT_S,
    bailout: ERRORS_MAX,
    sampleInt: 100,
    setupClient,
  });
  run.on('reqError', (/** @type {Error} */ error) => verifier.onFailure('connection', `connection: ${error.message}`));
  const progress = setInterval(() => onProgress({ answered: verifier.answered, refused: verifier.refused, problems: verifier.problemCount }), 1000);
  const end = source.type === 'traffic' ? setTimeout(stop, source.seconds * 1000) : undefined;
  const result = run.then(() => {
    clearInterval(progress);
    clearTimeout(end);
    for (const asked of waiting) verifier.onUnanswered(asked.client, 'no answer when the run ended');
    return resultOf(verifier, latency, Math.max(0, lastAnsweredMs - firstSentMs) / 1000, source.type === 'log');
  });
  return { result, stop };
}

/**
 * @param {number} clients
 * @param {import('../policy.mjs').PolicyChanges} policy
 */
function trafficOf(clients, policy) {
  const { rate = 5, burst = 10 } = policy;
  return new Traffic(clients, { rate, burst }, seededRandom(SEED));
}

/**
 * @param {Traffic | undefined} traffic
 * @returns {Asked}
 */
function nextOf(traffic) {
  const sentMs = performance.now();
  return { .../** @type {Traffic} */ (traffic).next(sentMs), sentMs };
}

/**
 * Gives each connection the requests of some clients, in their order: so the requests of one client stay in the order of the log.
 * @param {import('../access-log-file.mjs').LoggedRequest[]} requests
 * @param {number} connections
 * @returns {Source[]} none of them empty
 */
function partition(requests, connections) {
  /** @type {import('../access-log-file.mjs').LoggedRequest[][]} */
  const queues = Array.from({ length: connections }, () => []);
  /** @type {Map<string, import('../access-log-file.mjs').LoggedRequest[]>} */
  const byClient = new Map();
  for (const request of requests) {
    let queue = byClient.get(request.client);
    if (queue === undefined) {
      queue = /** @type {import('../access-log-file.mjs').LoggedRequest[]} */ (queues[byClient.size % connections]);
      byClient.set(request.client, queue);
    }
    queue.push(request);
  }
  return queues
    .filter((queue) => queue.length > 0)
    .map((queue) => {
      let position = 0;
      const next = () => {
        const { client, atMs, status } = /** @type {import('../access-log-file.mjs').LoggedRequest} */ (queue[position]);
        const path = queue[position]?.path;
        position++;
        return { client, atMs, path, ...(status === undefined ? {} : { status }), wellBehaved: false, sentMs: performance.now(), index: -1 };
      };
      return { next, requests: queue.length };
    });
}

const PATH_CHARACTERS_MAX = 200;

/** @param {Asked & { path?: string | undefined }} asked */
function pathOf({ client, atMs, status, path }) {
  const query = `/check?client=${encodeURIComponent(client)}`;
  if (atMs === undefined) return query;
  // Half of a surrogate pair cannot be encoded.
  const shown = path === undefined ? '' : `&path=${encodeURIComponent(path.slice(0, PATH_CHARACTERS_MAX).toWellFormed())}`;
  return `${query}&at=${atMs}${status === undefined ? '' : `&status=${status}`}${shown}`;
}

/**
 * @param {Verifier} verifier
 * @param {import('node:perf_hooks').RecordableHistogram} latency
 * @param {number} seconds
 * @param {boolean} logTime
 * @returns {LoadResult}
 */
function resultOf(verifier, latency, seconds, logTime) {
  const { clients, problems } = verifier.finish({ logTime });
  const { sent, answered, admitted, refused } = verifier;
  const at = (/** @type {number} */ percentile) => (answered === 0 ? 0 : latency.percentile(percentile) / NS_PER_MS);
  return {
    sent,
    answered,
    admitted,
    refused,
    seconds,
    latencyMs: { p50: at(50), p99: at(99), p999: at(99.9), max: answered === 0 ? 0 : latency.max / NS_PER_MS },
    clients,
    problems,
  };
}
