/**
 * The rate limiter as an HTTP service on top of a running nexus: finds or starts the agent of a client, asks it, answers. Bounded in requests, connections and
 * clients. It does not own the nexus: who started it stops it. Run by itself with `node examples/rate-limiter/service.mjs --port 8080`.
 */
import { createServer } from 'node:http';
import { Client, agentIdOf } from './client.mjs';
import { LEDGER_ID, Ledger } from './ledger.mjs';
import { isMainModule } from './main-module.mjs';
import { resolvePolicy } from './policy.mjs';
import { readServiceRequest } from './service-request.mjs';

/** For `createNexus({ agents })`. */
export const SERVICE_MODULES = [new URL('./client.mjs', import.meta.url), new URL('./ledger.mjs', import.meta.url)];

/** The client ended between being found and being asked, and has not handled the request: ask its successor. */
const ENDED = new Set(['NEXUS_AGENT_NOT_FOUND', 'NEXUS_AGENT_STOPPED']);
const ATTEMPTS_MAX = 4;
/** Too much for now, or on the way out: the caller may try again. */
const UNAVAILABLE = new Set([
  ...ENDED,
  'NEXUS_ASK_TIMEOUT',
  'NEXUS_ASKS_TOO_MANY',
  'NEXUS_BACKPRESSURE',
  'NEXUS_MAILBOX_FULL',
  'NEXUS_TABLE_FULL',
  'NEXUS_THREAD_LOST',
  'NEXUS_THREAD_FAILED',
  'NEXUS_STOPPED',
]);
const RETRY_AFTER_S = 1;
const KEEP_ALIVE_MS = 65_000;
/** Failures come in crowds: one of them is logged in this time. */
const LOG_EVERY_MS = 1000;

/**
 * @typedef {object} ServiceOptions
 * @property {string} [host]  Default 127.0.0.1.
 * @property {number} [port]  Default 0: any that is free.
 * @property {import('./policy.mjs').PolicyChanges} [policy]  What differs from the default policy.
 * @property {boolean} [logTime]  Requests carry the time (`at`) and the outcome (`status`) of a log. Never for callers that are not trusted. Default false.
 * @property {number} [inFlightMax]  Requests that wait for their agents; more are answered 503. Default 5,000, at most 100,000.
 * @property {number} [clientsMax]  Clients at a time; requests of more are answered 503. Default 1,000,000, at most 8,000,000.
 * @property {number} [askTimeoutMs]  How long an agent may take; then the answer is 503. Default 5,000, at most 60,000.
 */

/**
 * Resolves when the service listens.
 * @param {import('nexus-agents').Nexus} nexus with the modules `SERVICE_MODULES`
 * @param {ServiceOptions} [options]
 * @throws {RangeError} for an option or a policy that is out of range
 */
export async function startService(nexus, options = {}) {
  const { host = '127.0.0.1', port = 0, policy, logTime = false, inFlightMax = 5000, clientsMax = 1_000_000, askTimeoutMs = 5000 } = options;
  resolvePolicy(policy);
  checkWhole('inFlightMax', inFlightMax, 100_000);
  checkWhole('clientsMax', clientsMax, 8_000_000);
  checkWhole('askTimeoutMs', askTimeoutMs, 60_000);
  const startedMs = performance.now();
  const totals = { requests: 0, admitted: 0, refused: 0, invalid: 0, unavailable: 0, failed: 0 };
  let inFlight = 0;
  let isClosing = false;
  let loggedMs = -Infinity;
  /** @type {(() => void) | undefined} */
  let onQuiet;
  // Not through find and getOrSpawn of a client: it must be there before the first client ends.
  const ledger = await nexus.getOrSpawn(Ledger, LEDGER_ID, { thread: 'local' });

  /** @param {string} id */
  function startClient(id) {
    if (nexus.agentCount > clientsMax) throw Object.assign(new Error('too many clients'), { code: 'NEXUS_TABLE_FULL' });
    return nexus.getOrSpawn(Client, id, policy === undefined ? undefined : { init: policy });
  }

  /**
   * @param {string} client
   * @param {{ path?: string, status?: number, atMs?: number }} input
   */
  async function ask(client, input) {
    const id = agentIdOf(client);
    for (let attempt = 1; ; attempt++) {
      const agent = nexus.find(id, Client) ?? (await startClient(id));
      try {
        return await agent.ask('admit', input, { timeoutMs: askTimeoutMs });
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !ENDED.has(codeOf(error))) throw error;
      }
    }
  }

  /** @param {string} client */
  async function statsOf(client) {
    const agent = nexus.find(agentIdOf(client), Client);
    if (agent === undefined) return { status: 404, body: { error: 'this client is not known, or has been idle long enough to be forgotten' } };
    return { status: 200, body: await agent.ask('stats', undefined, { timeoutMs: askTimeoutMs }) };
  }

  async function stats() {
    const threads = nexus.threads().map(({ thread, state, agents, queueDepth }) => ({ thread, state, agents, queueDepth }));
    const ended = await ledger.ask('totals');
    return {
      uptimeSeconds: Math.round(performance.now() - startedMs) / 1000,
      ...totals,
      inFlight,
      agents: nexus.agentCount,
      ended,
      threads,
      engine: nexus.engine,
    };
  }

  /** @param {import('./service-request.mjs').ServiceRequest} asked */
  async function answer(asked) {
    switch (asked.type) {
      case 'check': {
        const decision = await ask(asked.client, asked.input);
        if (decision.admitted) totals.admitted++;
        else totals.refused++;
        return { status: decision.admitted ? 200 : 429, body: decision, retryAfterS: decision.admitted ? undefined : Math.ceil(decision.retryAfterMs / 1000) };
      }
      case 'clientStats':
        return statsOf(asked.client);
      case 'stats':
        return { status: 200, body: await stats() };
      case 'invalid':
        totals.invalid++;
        return { status: asked.status, body: { error: asked.error } };
    }
  }

  /**
   * @param {import('node:http').ServerResponse} response
   * @param {{ status: number, body: object, retryAfterS?: number | undefined }} outcome
   */
  function send(response, { status, body, retryAfterS }) {
    if (response.destroyed) return;
    const text = JSON.stringify(body);
    /** @type {Record<string, string | number>} */
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
    if (retryAfterS !== undefined) headers['Retry-After'] = retryAfterS;
    if (status === 405) headers['Allow'] = 'GET';
    if (isClosing) headers['Connection'] = 'close';
    response.writeHead(status, headers).end(text);
  }

  /** @param {unknown} error */
  function failure(error) {
    if (UNAVAILABLE.has(codeOf(error))) {
      totals.unavailable++;
      return { status: 503, body: { error: `not now: ${codeOf(error)}` }, retryAfterS: RETRY_AFTER_S };
    }
    totals.failed++;
    const nowMs = performance.now();
    if (nowMs - loggedMs >= LOG_EVERY_MS) {
      loggedMs = nowMs;
      console.error(`rate limiter: ${totals.failed} requests have failed; the last one:`, error);
    }
    return { status: 500, body: { error: 'the request failed' } };
  }

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, async (request, response) => {
    totals.requests++;
    if (isClosing || inFlight >= inFlightMax) {
      totals.unavailable++;
      return send(response, { status: 503, body: { error: isClosing ? 'shutting down' : 'too many requests wait' }, retryAfterS: RETRY_AFTER_S });
    }
    inFlight++;
    try {
      const asked = readServiceRequest(request.method ?? '', request.url ?? '', request.headers['x-client-id'], { logTime });
      send(response, await answer(asked));
    } catch (error) {
      send(response, failure(error));
    } finally {
      inFlight--;
      if (inFlight === 0) onQuiet?.();
    }
  });
  server.maxConnections = 10_000;
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server.off('error', reject)));
  });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());

  return {
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    stats,
    /**
     * Takes no new connections, answers what is under way, and closes. What is not answered by the deadline is cut off.
     * @param {{ deadlineMs?: number }} [options] default 5,000
     */
    async close({ deadlineMs = 5000 } = {}) {
      isClosing = true;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      if (inFlight > 0) {
        /** @type {NodeJS.Timeout | undefined} */
        let timer;
        await new Promise((resolve) => {
          onQuiet = () => resolve(undefined);
          timer = setTimeout(resolve, deadlineMs);
        });
        clearTimeout(timer);
      }
      // Answered, but kept open by the other side. A moment for the last bytes to leave.
      server.closeIdleConnections();
      const cutOff = setTimeout(() => server.closeAllConnections(), 100);
      await closed;
      clearTimeout(cutOff);
    },
  };
}

/**
 * @param {string} name
 * @param {number} value
 * @param {number} max
 */
function checkWhole(name, value, max) {
  if (!(Number.isInteger(value) && value >= 1 && value <= max)) throw new RangeError(`${name} is ${value}; it must be a whole number from 1 to ${max}`);
}

/** @param {unknown} error */
const codeOf = (error) => String(/** @type {{ code?: unknown } | undefined} */ (error)?.code ?? '');

if (isMainModule(import.meta.url)) {
  const { runService } = await import('./service-command.mjs');
  await runService(process.argv.slice(2), { modules: SERVICE_MODULES, startService });
}
