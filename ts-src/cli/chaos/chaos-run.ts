/**
 * One run of chaos: a cluster of real processes is formed, clients use it while the faults of a plan come and go, all is mended, everything is read once more, and what was seen is judged. Whatever happens, processes,
 * network, disks and groups are taken away at the end.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../model/seeded-random.js';
import { checkLinearizable, type LinearizabilityResult } from '../../testing/linearizability/check-linearizable.js';
import { keyValueModel } from '../../testing/linearizability/sequential-model.js';
import { endOf, type Fault } from '../../testing/simulation/fault.js';
import { nameOfNode, type Plan } from '../../testing/simulation/plan.js';
import { CommandFailure } from '../command-failure.js';
import { differences, dividedFaults } from './abilities.js';
import { increases, readCounters } from './adaptations.js';
import { type ChaosOperation, Clients } from './clients.js';
import { GatewayClient } from './gateway-client.js';
import { HostilePeer } from './hostile-peer.js';
import { MemoryGroups } from './memory-groups.js';
import { openNamespaces } from './namespaces.js';
import { type ChaosNetwork, CONTROL_PORT, STREAM_FAULTS } from './network.js';
import { NodeProcess, type NodeLine, storeDirectoryOf } from './node-process.js';
import { openProxiedNetwork } from './proxied-network.js';
import { RealFaults } from './real-faults.js';
import type { Checked, NodeEvent, RunReport } from './report/run-report.js';
import { SecondRecords } from './second-records.js';

export interface ChaosRunOptions {
  readonly plan: Plan;
  readonly network: 'namespaces' | 'proxy';
  readonly whyProxy: string | undefined;
  /** Files of modules, and what a report calls them. */
  readonly modules: readonly string[];
  readonly moduleName: string;
  readonly kind: string;
  readonly clients: number;
  readonly keys: number;
  readonly operationsPerKey: number;
  readonly pauseMs: number;
  /** Where the logs of the nodes go. */
  readonly logFolder: string;
  readonly version: string;
  readonly signal: AbortSignal;
  say(text: string): void;
}

export interface ChaosResult {
  readonly report: RunReport;
  readonly history: readonly ChaosOperation[];
  readonly judged: LinearizabilityResult;
}

const CLUSTER = 'chaos';
const FORMED_MS = 90_000;
const HEALED_MS = 90_000;
/** Clients go on for so long after the cluster has healed. */
const AFTERWARDS_MS = 3000;
const READ_MS = 30_000;
const JUDGED_MS = 120_000;
const DISK_BYTES = 268_435_456;
const LOOK_MS = 50;
const EVENTS_MAX = 20_000;
/** Of what the checker says. */
const TEXT_LINES = 14;

export async function runChaos(options: ChaosRunOptions): Promise<ChaosResult> {
  const run = new ChaosRun(options);
  try {
    return await run.perform();
  } finally {
    await run.close();
  }
}

class ChaosRun {
  readonly #options: ChaosRunOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'nexus-chaos-'));
  readonly #memory: MemoryGroups;
  readonly #gateway = new GatewayClient();
  readonly #records = new SecondRecords();
  readonly #events: NodeEvent[] = [];
  readonly #nodes: NodeProcess[] = [];
  readonly #wonders: string[] = [];
  readonly #hostile: HostilePeer;
  #faults: RealFaults | undefined;
  #network: ChaosNetwork | undefined;
  #clients: Clients | undefined;
  #metrics: NodeJS.Timeout | undefined;
  #startedMs = performance.now();
  #isBegun = false;
  #isOver = false;

  constructor(options: ChaosRunOptions) {
    this.#options = options;
    this.#memory = new MemoryGroups(`nexus-chaos-${process.pid}-${Date.now().toString(36)}`);
    const names = this.#numbers.map(nameOfNode);
    this.#hostile = new HostilePeer({ random: new SeededRandom(options.plan.seed, 'hostile peer'), cluster: CLUSTER, names });
  }

  async perform(): Promise<ChaosResult> {
    const { plan, say, network: kind, whyProxy } = this.#options;
    const { done, skipped } = dividedFaults(plan.faults, { network: kind, disks: kind === 'namespaces', whyNoMemory: this.#memory.why });
    for (const { fault, because } of skipped) say(`skipped: ${fault.kind} at ${fault.atMs / 1000} s: ${because}`);
    const withProxies = done.some((fault) => STREAM_FAULTS.has(fault.kind));
    const failed = (error: Error): void => this.#wonder(`a link could not be set: ${error.message}`);
    this.#network = kind === 'namespaces' ? await openNamespaces({ nodes: plan.nodes, withProxies, failed }) : await openProxiedNetwork(plan.nodes);
    this.#startNodes();
    const formedMs = await this.#formed(FORMED_MS);
    if (formedMs === undefined)
      throw new CommandFailure(`the nodes did not become members of one cluster within ${FORMED_MS / 1000} s; what they said is in ${this.#options.logFolder}`);
    say(`${plan.nodes === 1 ? 'the node is' : `${plan.nodes} nodes are`} a cluster after ${(formedMs / 1000).toFixed(1)} s`);
    this.#startedMs = performance.now();
    this.#isBegun = true;
    this.#readMetrics();
    const clients = this.#startClients();
    const using = clients.run();
    this.#beginFaults(done);
    await this.#pass(plan.durationMs);
    say('the faults are over');
    this.#faults?.heal();
    const healedMs = await this.#formed(HEALED_MS);
    say(healedMs === undefined ? 'the nodes did not become members of one view again' : `members of one view again after ${(healedMs / 1000).toFixed(1)} s`);
    await this.#pass(AFTERWARDS_MS);
    clients.end();
    await using;
    const unread = await clients.readAll(READ_MS);
    this.#isOver = true;
    clearTimeout(this.#metrics);
    const tookMs = this.#nowMs();
    say(`judging ${clients.history.length} operations`);
    const model = keyValueModel();
    const judged = checkLinearizable(model, clients.history, { timeMs: JUDGED_MS });
    const operations = { ok: 0, failed: 0, unknown: 0 };
    for (const { outcome } of clients.history) operations[outcome]++;
    const report: RunReport = {
      plan,
      network: kind,
      whyProxy,
      version: this.#options.version,
      node: process.version,
      module: this.#options.moduleName,
      clients: this.#options.clients,
      keys: this.#options.keys,
      tookMs,
      formedMs,
      healedMs,
      faults: done.map((fault) => ({ fault, from: fault.atMs / 1000, to: Math.min(endOf(fault), plan.durationMs) / 1000 })),
      skipped,
      differences: differences({ network: kind }, done),
      seconds: this.#records.records(),
      events: this.#events,
      checks: this.#checks(judged, unread, healedMs, clients.keys.length),
      model: model.name,
      operations,
      registers: clients.keys.length,
    };
    return { report, history: clients.history, judged };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#metrics);
    this.#faults?.heal();
    this.#clients?.end();
    this.#hostile.close();
    await Promise.all(this.#nodes.map((node) => node.close()));
    await this.#network?.close();
    this.#gateway.close();
    this.#memory.close();
    if (this.#options.network === 'namespaces') for (const number of this.#numbers) quietly('umount', ['-l', this.#disk(number)]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #numbers(): readonly number[] {
    return Array.from({ length: this.#options.plan.nodes }, (_, index) => index + 1);
  }

  #disk(number: number): string {
    return join(this.#folder, nameOfNode(number));
  }

  #startNodes(): void {
    const { plan, modules, logFolder, network: kind } = this.#options;
    const network = this.#network as ChaosNetwork;
    const { resolver } = plan;
    const resolverText =
      resolver.strategy === 'staticQuorum'
        ? `staticQuorum:${resolver.quorum}`
        : resolver.strategy === 'keepReferee'
          ? `keepReferee:${resolver.referee}`
          : resolver.strategy;
    const seeds = this.#numbers.map((number) => `${network.place(number).advertisedHost}:${CONTROL_PORT}`).join(',');
    for (const number of this.#numbers) {
      const disk = this.#disk(number);
      mkdirSync(disk);
      if (kind === 'namespaces') execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]);
      const name = nameOfNode(number);
      const node = new NodeProcess({
        number,
        place: network.place(number),
        modules,
        args: [
          '--cluster',
          CLUSTER,
          ...(plan.nodes === 1 ? [] : ['--join', seeds]),
          '--resolver',
          resolverText,
          '--ask-timeout',
          '3000',
          '--state',
          join(disk, 'state'),
          '--no-console',
        ],
        logFile: join(logFolder, `${name}.log`),
        storeDirectory: storeDirectoryOf(this.#folder, number),
        said: (line) => this.#said(name, line),
        ended: (how, isExpected) => this.#ended(number, how, isExpected),
        started: (pid) => this.#memory.add(number, pid),
      });
      this.#nodes.push(node);
      node.start();
    }
  }

  #startClients(): Clients {
    const { plan, clients, keys, operationsPerKey, pauseMs, kind } = this.#options;
    const record = (outcome: 'ok' | 'failed' | 'unknown', code: string, tookMs: number): void => this.#records.operation(this.#nowMs(), outcome, code, tookMs);
    const urls = (): readonly string[] => this.#nodes.map(({ url }) => url);
    const needs = { gateway: this.#gateway, urls, nowMs: () => this.#nowMs(), record };
    this.#clients = new Clients(needs, { seed: plan.seed, clients, keys, operationsPerKey, pauseMs, kind });
    return this.#clients;
  }

  #beginFaults(faults: readonly Fault[]): void {
    const { plan, say } = this.#options;
    const random = new SeededRandom(plan.seed, 'real faults');
    this.#faults = new RealFaults({
      network: this.#network as ChaosNetwork,
      nodes: this.#nodes,
      disks: this.#numbers.map((number) => this.#disk(number)),
      memory: this.#memory,
      hostile: this.#hostile,
      random: () => random.next(),
      began: (fault) => say(`${(this.#nowMs() / 1000).toFixed(1)} s: ${fault.kind}`),
      failed: (error) => this.#wonder(`a fault could not be done: ${error.message}`),
    });
    this.#faults.begin(faults);
  }

  /** Until all nodes serve, and are members of one view with all of them: milliseconds, or undefined if that did not come. */
  async #formed(deadlineMs: number): Promise<number | undefined> {
    const names = this.#numbers.map(nameOfNode).join();
    const fromMs = performance.now();
    const isFormed = (): boolean => this.#nodes.every(({ isServing, members }) => isServing && [...members].sort(byNumber).join() === names);
    while (!isFormed()) {
      if (performance.now() - fromMs > deadlineMs) return undefined;
      await this.#pass(LOOK_MS);
    }
    return performance.now() - fromMs;
  }

  #checks(judged: LinearizabilityResult, unread: readonly string[], healedMs: number | undefined, registers: number): Checked[] {
    const outcomes = { linearizable: 'held', notLinearizable: 'violated', unknown: 'undecided' } as const;
    return [
      { name: 'operations on registers are linearizable', outcome: outcomes[judged.verdict], text: judged.text.split('\n').slice(0, TEXT_LINES).join('\n') },
      {
        name: 'nothing that was acknowledged is lost',
        outcome: judged.verdict === 'notLinearizable' ? 'violated' : unread.length > 0 ? 'violated' : judged.verdict === 'unknown' ? 'undecided' : 'held',
        text:
          unread.length > 0
            ? `${unread.length} of ${registers} registers could not be read at the end: ${unread.slice(0, 5).join(', ')}`
            : `${registers} registers were read at the end; what they had is part of the history`,
      },
      {
        name: 'the nodes agree in the end',
        outcome: healedMs === undefined ? 'violated' : 'held',
        text: healedMs === undefined ? `not within ${HEALED_MS / 1000} s` : `members of one view ${(healedMs / 1000).toFixed(1)} s after the last fault`,
      },
      {
        name: 'nothing else goes wrong: no process ends that nobody has ended',
        outcome: this.#wonders.length > 0 ? 'violated' : 'held',
        text: this.#wonders.length > 0 ? this.#wonders.slice(0, 5).join('\n') : `${this.#nodes.length} nodes, ${this.#hostile.attacks} hostile connections`,
      },
    ];
  }

  #said(name: string, { event, node, view }: NodeLine): void {
    const text = event === 'joined' ? `joined, view ${view}` : event === 'serving' ? 'serving' : node === undefined ? event : `${event} ${node}`;
    this.#event(name, text);
    if (this.#isBegun) this.#records.event(this.#nowMs(), `nodes say: ${event}`);
  }

  #ended(number: number, how: string, isExpected: boolean): void {
    this.#event(nameOfNode(number), how);
    this.#records.event(this.#nowMs(), how === 'fenced' ? 'nodes that fenced themselves' : 'processes that ended');
    const isShort = this.#options.plan.faults.some(
      (fault) => fault.kind === 'memoryLimit' && fault.nodes.includes(number) && this.#nowMs() >= fault.atMs && this.#nowMs() < endOf(fault) + AFTERWARDS_MS,
    );
    if (!isExpected && !isShort) this.#wonder(`${nameOfNode(number)} at ${(this.#nowMs() / 1000).toFixed(1)} s: ${how}`);
  }

  #wonder(text: string): void {
    if (this.#wonders.length < EVENTS_MAX) this.#wonders.push(text);
  }

  #event(node: string, text: string): void {
    // What comes before the faults is no news.
    if (this.#isBegun && this.#events.length < EVENTS_MAX) this.#events.push({ atMs: Math.round(this.#nowMs()), node, text });
  }

  #readMetrics(): void {
    const last = new Map<string, ReadonlyMap<string, number>>();
    const look = async (): Promise<void> => {
      await Promise.all(
        this.#nodes.map(async ({ url, isServing }) => {
          // One that stands still, or is cut off from everybody, says nothing.
          const text = isServing ? await this.#gateway.get(url, '/metrics').catch(() => undefined) : undefined;
          if (text === undefined) return;
          const now = readCounters(text);
          for (const [label, times] of increases(last.get(url) ?? now, now)) this.#records.event(this.#nowMs(), label, times);
          last.set(url, now);
        }),
      );
      if (!this.#isOver) this.#metrics = setTimeout(() => void look(), 1000);
    };
    void look();
  }

  #nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** @throws what the run was ended with */
  async #pass(ms: number): Promise<void> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener('abort', over);
    });
    signal.throwIfAborted();
  }
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(1)) - Number(b.slice(1));
}

function quietly(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
  } catch {
    // It was not there, or goes with the namespace.
  }
}
