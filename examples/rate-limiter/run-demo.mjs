/**
 * One run of the demo as a function: starts the rate limiter, loads it from another process, has every answer checked, compares the books, and measures. It prints
 * nothing: the program is `demo.mjs`.
 */
import { createNexus } from 'nexus-agents';
import { compareBooks } from './bookkeeping.mjs';
import { startLoad } from './load/load-client.mjs';
import { createMemoryProbe, PROBE_MODULE } from './memory-probe.mjs';
import { SERVICE_MODULES, startService } from './service.mjs';

const ABUSERS_SHOWN = 10;
const MEASURED_AGENTS_MIN = 1000;
/** When an agent hangs, there is no use in waiting for it longer. */
const STOP_DEADLINE_MS = 2000;

/**
 * @typedef {object} DemoResult
 * @property {boolean} ok  Every request was answered correctly.
 * @property {'load' | 'replay'} mode
 * @property {{ total: number, admitted: number, refused: number, seconds: number, perSecond: number }} requests
 * @property {{ p50: number, p99: number, p999: number, max: number }} latencyMs
 * @property {{ seen: number, refused: number, blocked: number }} clients
 * @property {{ live: number, ended: number, perThread: { thread: number, agents: number }[] }} agents
 * @property {{ sameThread: number, otherThread: number }} messages
 * @property {{ heapBytesPerAgent: number, rssBytesPerAgent: number } | null} memory  Growth from before the first request to after the last; null with fewer than
 * 1,000 agents, where the fixed cost of code and connections is all one would see.
 * @property {{ workers: number }} threads
 * @property {{ kind: string, reason: string }} engine
 * @property {(import('./load/load-process.mjs').LogSummary & { path: string }) | null} log
 * @property {import('./bookkeeping.mjs').ClientStats[] | null} topAbusers  In a replay.
 * @property {import('./load/verifier.mjs').Problems} problems
 */

/**
 * @typedef {object} DemoNeeds
 * @property {(line: string) => void} progress  Called about once a second.
 * @property {AbortSignal} [signal]  Ends the load early, in order.
 * @property {URL[]} [modules]  Agents in place of `SERVICE_MODULES`.
 * @property {Omit<import('./service.mjs').ServiceOptions, 'port' | 'host' | 'logTime'>} [service]
 */

/**
 * @param {Omit<import('./demo-options.mjs').DemoOptions, 'json' | 'unused'>} options
 * @param {DemoNeeds} needs
 * @returns {Promise<DemoResult>}
 */
export async function runDemo({ seconds, clients, threads, connections, log }, { progress, signal, modules = SERVICE_MODULES, service: serviceOptions = {} }) {
  const nexus = await createNexus({ agents: [...modules, PROBE_MODULE], ...(threads === undefined ? {} : { threads }) });
  try {
    // The report of a replay asks the clients: none may have ended.
    const policy = log === undefined ? serviceOptions.policy : { ...serviceOptions.policy, idleMs: 0 };
    const service = await startService(nexus, { ...serviceOptions, ...(policy === undefined ? {} : { policy }), logTime: log !== undefined });
    try {
      progress(`rate limiter on ${service.url}: ${nexus.threadCount - 1} worker threads, ${nexus.engine.kind} engine`);
      const measure = await createMemoryProbe(nexus);
      const memoryBefore = await measure();
      const messagesBefore = messagesOf(nexus);
      const load = startLoad(
        {
          url: service.url,
          connections,
          policy: policy ?? {},
          source: log === undefined ? { type: 'traffic', clients, seconds } : { type: 'log', path: log },
        },
        watch(nexus, progress),
      );
      if (signal?.aborted) load.stop();
      else signal?.addEventListener('abort', load.stop, { once: true });
      const { result, log: logSummary } = await load.result;
      const messages = difference(messagesOf(nexus), messagesBefore);
      const memoryAfter = await measure();
      const books = await compareBooks(nexus, result.clients);
      const seen = summarize(result.clients);
      return {
        ok: result.problems.count + books.problems.count === 0,
        mode: log === undefined ? 'load' : 'replay',
        requests: {
          total: result.sent,
          admitted: result.admitted,
          refused: result.refused,
          seconds: result.seconds,
          perSecond: result.seconds === 0 ? 0 : result.answered / result.seconds,
        },
        latencyMs: result.latencyMs,
        clients: seen,
        agents: { live: books.live.length, ended: books.ended, perThread: perThread(books.live) },
        messages,
        memory: memoryPerAgent(memoryBefore, memoryAfter, books.live.length),
        threads: { workers: nexus.threadCount - 1 },
        engine: { kind: nexus.engine.kind, reason: nexus.engine.reason },
        log: logSummary === undefined || log === undefined ? null : { path: log, ...logSummary },
        topAbusers: log === undefined ? null : topAbusers(books.live),
        problems: {
          count: result.problems.count + books.problems.count,
          byKind: { ...result.problems.byKind, ...(books.problems.count === 0 ? {} : { books: books.problems.count }) },
          first: [...result.problems.first, ...books.problems.first],
        },
      };
    } finally {
      await service.close();
    }
  } finally {
    await nexus.stop({ deadlineMs: STOP_DEADLINE_MS });
  }
}

/**
 * @param {import('nexus-agents').Nexus} nexus
 * @param {(line: string) => void} progress
 * @returns {(state: import('./load/generator.mjs').Progress) => void}
 */
function watch(nexus, progress) {
  const others = nexus.agentCount;
  let second = 0;
  let before = 0;
  return ({ answered, refused, problems }) => {
    second++;
    const number = (/** @type {number} */ value, /** @type {number} */ width) => value.toLocaleString('en').padStart(width);
    const wrong = problems === 0 ? '' : `   ${problems.toLocaleString('en')} PROBLEMS`;
    progress(
      `${String(second).padStart(4)} s ${number(answered - before, 8)} requests/s ${number(refused, 10)} refused ${number(nexus.agentCount - others, 9)} agents${wrong}`,
    );
    before = answered;
  };
}

/** @param {import('nexus-agents').Nexus} nexus */
function messagesOf(nexus) {
  const sum = (/** @type {string} */ counter) => nexus.threads().reduce((total, { counters }) => total + (counters[counter] ?? 0), 0);
  return { sameThread: sum('sent_local'), otherThread: sum('sent_remote') };
}

/**
 * @param {{ sameThread: number, otherThread: number }} after
 * @param {{ sameThread: number, otherThread: number }} before
 */
const difference = (after, before) => ({ sameThread: after.sameThread - before.sameThread, otherThread: after.otherThread - before.otherThread });

/**
 * @param {import('./memory-probe.mjs').MemoryUse} before
 * @param {import('./memory-probe.mjs').MemoryUse} after
 * @param {number} agents
 */
function memoryPerAgent(before, after, agents) {
  if (agents < MEASURED_AGENTS_MIN) return null;
  return { heapBytesPerAgent: (after.heapBytes - before.heapBytes) / agents, rssBytesPerAgent: (after.rssBytes - before.rssBytes) / agents };
}

/** @param {import('./load/verifier.mjs').ClientTotals[]} totals */
function summarize(totals) {
  const refused = new Set();
  const blocked = new Set();
  const seen = new Set();
  for (const { client, requests, admitted, blocks } of totals) {
    seen.add(client);
    if (admitted < requests) refused.add(client);
    if (blocks > 0) blocked.add(client);
  }
  return { seen: seen.size, refused: refused.size, blocked: blocked.size };
}

/** @param {import('./bookkeeping.mjs').ClientStats[]} clients */
function perThread(clients) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { thread } of clients) counts.set(thread, (counts.get(thread) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b).map(([thread, agents]) => ({ thread, agents }));
}

/** @param {import('./bookkeeping.mjs').ClientStats[]} clients */
function topAbusers(clients) {
  return clients
    .filter(({ refused, score }) => refused > 0 || score >= 1)
    .sort((a, b) => b.refused - a.refused || b.blocks - a.blocks || b.score - a.score || (a.client < b.client ? -1 : 1))
    .slice(0, ABUSERS_SHOWN);
}
