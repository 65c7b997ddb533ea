/**
 * Every entry point that takes options, in one table: a misspelt name is refused with the nearest one, and a value of the wrong type or out of range is refused with the
 * name of the option. A new option belongs into this table; a new entry point needs a row.
 */
import fc from 'fast-check';
import { type AnyAgent, createNexus, defineAgent, defineSensor, defineSkill, defineSupervisor, defineTopic, type Nexus, toCloudEvent } from 'nexus-agents';
import { startGateway } from 'nexus-agents/gateway';
import { bulkhead, circuitBreaker, fallback, retry, timeout } from 'nexus-agents/resilience';
import { fileSensor, httpSensor, intervalSensor, processSensor } from 'nexus-agents/sensors';
import { createManualClock, createTestCluster, createTestNexus, testAgent } from 'nexus-agents/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nearest } from '../../dist/ts-src/model/nearest-name.js';
import { resolveOptions } from '../../dist/ts-src/options.js';
import { failureOf, recorder } from '../start-nexus.js';

type Accepts = (value: unknown) => boolean;

interface EntryPoint {
  readonly name: string;
  /** Throws or rejects for options that it does not take. */
  call(options: Record<string, unknown>): unknown;
  /** What it takes, and of what form values are; `any` where nothing is refused at once. */
  readonly options: Readonly<Record<string, Accepts>>;
  /** What has to be there beside the option that is wrong. */
  readonly needed?: Readonly<Record<string, unknown>>;
  /** Options of one message or spawn: null is as good as not given. */
  readonly takesNull?: boolean;
  /** Default NEXUS_OPTION_UNKNOWN and NEXUS_OPTION_INVALID. */
  readonly isDefinition?: boolean;
}

const any: Accepts = () => true;
const number =
  (min: number, max: number): Accepts =>
  (value) =>
    typeof value === 'number' && value >= min && value <= max;
const whole =
  (min: number, max: number): Accepts =>
  (value) =>
    Number.isInteger(value) && number(min, max)(value);
const positive =
  (max: number): Accepts =>
  (value) =>
    typeof value === 'number' && value > 0 && value <= max;
const oneOf =
  (...names: unknown[]): Accepts =>
  (value) =>
    names.includes(value);
const text: Accepts = (value) => typeof value === 'string' && value.length > 0;
/** Of a node, a cluster or a host. */
const name: Accepts = (value) => typeof value === 'string' && /^[a-z]{1,60}$/.test(value);
/** With three decimals at most. */
const weight: Accepts = (value) => typeof value === 'number' && value >= 0 && value <= 1000 && Math.round(value * 1000) / 1000 === value;
const callable: Accepts = (value) => typeof value === 'function';
const boolean: Accepts = (value) => typeof value === 'boolean';
/** Objects whose names are in rows of their own. */
const group: Accepts = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const list: Accepts = (value) => Array.isArray(value);
const nothing: Accepts = () => false;

const DAY_MS = 86_400_000;
const state = () => 0;
const Counter = defineAgent({ kind: 'counter', state, actions: { read: () => 0 } });

let nexus: Nexus;
let counter: Awaited<ReturnType<typeof spawned>>;
const spawned = () => nexus.spawn(Counter, { id: 'c' });
beforeAll(async () => {
  nexus = await createNexus({ agents: [Counter], threads: 0, logger: recorder() });
  counter = await spawned();
});
afterAll(() => nexus.stop());

const wait = { timeoutMs: positive(DAY_MS), signal: nothing };
const supervision = {
  onFailure: (value: unknown) => callable(value) || oneOf('resume', 'restart', 'stop', 'escalate')(value),
  intensity: number(0, 1_000_000),
  periodMs: number(1, DAY_MS),
  backoff: group,
};
const backoff = { initialMs: number(0, DAY_MS), maxMs: number(0, DAY_MS), factor: number(1, 1000), jitter: number(0, 1) };
const resolve = (options: unknown) => resolveOptions({ agents: [], ...(options as object) });
const within = (path: string[], call: (options: never) => unknown) => (options: Record<string, unknown>) =>
  call(path.reduceRight<Record<string, unknown>>((inner, name) => ({ [name]: inner }), options) as never);
const agent = (specification: object): AnyAgent => defineAgent({ kind: 'k', state, actions: {}, ...specification } as never) as unknown as AnyAgent;
const supervisor = (specification: object): unknown => defineSupervisor({ kind: 'k', strategy: 'oneForOne', children: () => [], ...specification } as never);
const skill = (specification: object): unknown => defineSkill({ name: 'k', state, actions: {}, ...specification } as never);
const sensor = { kind: any, supervision: any };

const ENTRY_POINTS: readonly EntryPoint[] = [
  {
    name: 'createNexus',
    call: resolve,
    options: {
      agents: list,
      threads: whole(0, 127),
      memory: group,
      messages: group,
      engine: group,
      workers: group,
      logger: nothing,
      storage: nothing,
      seed: whole(-(2 ** 31), 2 ** 32 - 1),
    },
  },
  { name: 'createNexus, memory', call: within(['memory'], resolve), options: { agentsMax: whole(4096, 8_388_608), ringBytes: nothing } },
  { name: 'createNexus, messages', call: within(['messages'], resolve), options: { askTimeoutMs: number(1, DAY_MS), bytesMax: whole(1024, 2 ** 30) } },
  { name: 'createNexus, engine', call: within(['engine'], resolve), options: { force: nothing, require: nothing, spinMicroseconds: number(0, 1000) } },
  {
    name: 'createNexus, workers',
    call: within(['workers'], resolve),
    options: { placement: nothing, resourceLimits: group, execArgv: list, restart: group, startTimeoutMs: number(1, 3_600_000) },
  },
  {
    name: 'createNexus, workers.restart',
    call: within(['workers', 'restart'], resolve),
    options: { intensity: whole(0, 1_000_000), periodMs: number(1, DAY_MS), initialDelayMs: number(0, DAY_MS), maxDelayMs: number(0, DAY_MS) },
  },
  {
    name: 'createNexus, workers.resourceLimits',
    call: within(['workers', 'resourceLimits'], resolve),
    options: {
      maxOldGenerationSizeMb: positive(1_048_576),
      maxYoungGenerationSizeMb: positive(1_048_576),
      codeRangeSizeMb: positive(1_048_576),
      stackSizeMb: positive(1_048_576),
    },
  },
  { name: 'createNexus, storage', call: within(['storage'], resolve), options: { path: text }, needed: { path: 'x' } },
  {
    name: 'createNexus, cluster',
    call: within(['cluster'], resolve),
    options: {
      name: name,
      node: name,
      weight: weight,
      listen: group,
      join: list,
      resolver: nothing,
      tls: nothing,
      metadata: group,
      stateDirectory: text,
      rebalance: boolean,
      timing: group,
      copies: whole(0, 4),
      sameHost: boolean,
    },
  },
  {
    name: 'createNexus, cluster.listen',
    call: within(['cluster', 'listen'], resolve),
    options: { host: name, port: whole(0, 65_535), dataPort: whole(0, 65_535), advertise: name },
  },
  {
    name: 'createNexus, cluster.join by DNS',
    call: within(['cluster', 'join'], resolve),
    options: { type: nothing, name, port: whole(1, 65_535), intervalMs: number(100, 3_600_000) },
    needed: { type: 'dns', name: 'shop' },
  },
  {
    name: 'createNexus, cluster.join by multicast',
    call: within(['cluster', 'join'], resolve),
    options: { type: nothing, group: nothing, port: whole(1, 65_535), intervalMs: number(50, 3_600_000) },
    needed: { type: 'multicast' },
  },
  {
    name: 'createNexus, cluster.resolver',
    call: within(['cluster', 'resolver'], resolve),
    options: { strategy: nothing, quorum: whole(1, 9) },
    needed: { strategy: 'staticQuorum', quorum: 2 },
  },
  {
    name: 'createNexus, cluster.tls',
    call: within(['cluster', 'tls'], resolve),
    options: { certificateFile: text, keyFile: text, authorityFile: text, revocationListFile: text, serverName: name },
    needed: { certificateFile: 'a', keyFile: 'b', authorityFile: 'c' },
  },
  {
    name: 'createNexus, cluster.timing',
    call: within(['cluster', 'timing'], resolve),
    options: {
      probeIntervalMs: nothing,
      probeTimeoutMs: nothing,
      leaseMs: number(1000, 3_600_000),
      stopMarginMs: number(0, 60_000),
      stalledAfterMs: number(50, 3_600_000),
    },
  },
  { name: 'createNexus, balancing', call: within(['balancing'], resolve), options: { migrate: boolean, periodMs: number(100, 60_000) } },
  { name: 'nexus.stop', call: (options) => nexus.stop(options), options: { deadlineMs: nothing } },
  {
    name: 'spawn',
    takesNull: true,
    call: (options) => nexus.spawn(Counter, options as never),
    options: { id: (value) => text(value) && (value as string).length <= 1024, init: any, thread: nothing, node: nothing, timeoutMs: nothing },
    needed: { id: 'c' },
  },
  {
    name: 'getOrSpawn',
    takesNull: true,
    call: (options) => nexus.getOrSpawn(Counter, 'c', options as never),
    options: { init: any, thread: any, node: nothing, timeoutMs: positive(DAY_MS) },
  },
  { name: 'migrate', call: (options) => nexus.migrate(counter, 0, options), options: { timeoutMs: positive(DAY_MS) } },
  { name: 'ask', takesNull: true, call: (options) => counter.ask('read', undefined, options as never), options: wait },
  { name: 'offer', takesNull: true, call: (options) => counter.offer('read', undefined, options as never), options: { timeoutMs: positive(DAY_MS) } },
  { name: 'ref.stop', call: (options) => counter.stop(options as never), options: { timeoutMs: nothing } },
  { name: 'group', call: (options) => nexus.group('g', Counter, options as never), options: { routing: nothing, prefer: nothing } },
  {
    name: 'group.tell',
    call: (options) => nexus.group('g', Counter).tell('read', undefined, options as never),
    options: { routing: nothing, key: (value) => typeof value === 'string' || Number.isFinite(value), prefer: nothing, tried: list },
  },
  {
    name: 'group.ask',
    call: (options) =>
      nexus
        .group('g', Counter)
        .ask('read', undefined, options as never)
        .catch(ignoring('NEXUS_GROUP_EMPTY')),
    options: { routing: nothing, key: (value) => typeof value === 'string' || Number.isFinite(value), prefer: nothing, tried: list, ...wait },
  },
  {
    name: 'group.gather',
    call: (options) =>
      nexus
        .group('g', Counter)
        .gather('read', undefined, options as never)
        .catch(ignoring('NEXUS_GROUP_EMPTY')),
    options: { quorum: whole(1, 100_000), ...wait },
  },
  {
    name: 'send',
    call: (options) => nexus.send('c', 'read', undefined, options as never),
    options: { routing: nothing, key: (value) => typeof value === 'string' || Number.isFinite(value) },
  },
  {
    name: 'publish',
    call: (options) => nexus.publish('a.b', 1, options as never),
    options: { id: text, epochMs: number(-8.64e15, 8.64e15), attributes: group, scope: nothing },
  },
  { name: 'defineTopic', call: (options) => defineTopic('a.b', undefined, options as never), options: { scope: nothing } },
  {
    name: 'toCloudEvent',
    call: (options) => toCloudEvent({ id: 'i', topic: 'a', data: 1, source: '', epochMs: 0 } as never, options as never),
    options: { source: any },
  },
  { name: 'supervisionTree', call: (options) => nexus.supervisionTree(options as never), options: { depthMax: nothing, agentsMax: nothing } },
  {
    name: 'startGateway',
    call: (options) => startGateway(nexus, options as never).then((gateway) => gateway.stop()),
    needed: { port: 0, logger: recorder() },
    options: {
      port: nothing,
      host: text,
      hostsAllowed: (value) => list(value),
      bodyBytesMax: whole(0, 2 ** 30),
      requestTimeoutMs: nothing,
      headersTimeoutMs: nothing,
      requestsMax: nothing,
      logger: nothing,
    },
  },
  { name: 'timeout', call: (options) => timeout(options as never), options: { ms: positive(DAY_MS) }, needed: { ms: 5 } },
  { name: 'retry', call: (options) => retry(options), options: { attemptsMax: whole(1, 1000), backoff: group, budget: group, retryOn: callable } },
  {
    name: 'retry, backoff',
    call: within(['backoff'], (options) => retry(options)),
    options: { ...backoff, initialMs: any, maxMs: any, factor: number(1, 100), jitter: oneOf('full', 'none') },
  },
  { name: 'retry, budget', call: within(['budget'], (options) => retry(options)), options: { ratio: number(0, 1000), burst: whole(0, 1_000_000) } },
  {
    name: 'circuitBreaker',
    call: (options) => circuitBreaker(options),
    options: { failures: (value) => group(value) || whole(1, 1_000_000)(value), successesToClose: whole(1, 1_000_000), openMs: any, isFailure: callable },
  },
  {
    name: 'circuitBreaker, failures',
    call: within(['failures'], (options) => circuitBreaker(options)),
    options: { rate: (value) => positive(1)(value), windowMs: positive(DAY_MS), callsMin: whole(1, 1_000_000) },
    needed: { rate: 0.5 },
  },
  {
    name: 'bulkhead',
    call: (options) => bulkhead(options),
    options: { concurrencyMax: whole(1, 1_000_000), queueMax: whole(0, 1_000_000), queueTimeoutMs: positive(DAY_MS) },
  },
  { name: 'fallback', call: (options) => fallback(0, options), options: { handles: callable } },
  {
    name: 'policies, surroundings',
    call: (options) => retry({}, options as never),
    options: { clock: any, seed: whole(-(2 ** 31), 2 ** 32 - 1), report: any },
  },
  { name: 'policy.execute', call: (options) => retry().execute(() => 1, options as never), options: { signal: nothing, deadline: nothing } },
  { name: 'fileSensor', call: (options) => fileSensor(options as never), options: { ...sensor, fileSystem: any } },
  { name: 'httpSensor', call: (options) => httpSensor(options as never), options: { ...sensor, client: any }, needed: { url: 'http://x' } },
  { name: 'intervalSensor', call: (options) => intervalSensor(options as never), options: { ...sensor, topic: any } },
  { name: 'processSensor', call: (options) => processSensor(options as never), options: { ...sensor, metering: any } },
  {
    name: 'createTestCluster',
    call: (options) => createTestCluster({ agents: [], ...options } as never),
    options: {
      threads: whole(0, 127),
      nodes: (value) => Array.isArray(value) || whole(1, 100)(value),
      cluster: group,
      network: group,
      epochMs: any,
      seed: any,
    },
  },
  { name: 'createTestNexus', call: (options) => createTestNexus({ agents: [], ...options } as never), options: { threads: whole(0, 127), seed: any } },
  {
    name: 'createManualClock',
    call: (options) => createManualClock(options as never),
    options: { nowMs: Number.isFinite as Accepts, epochMs: Number.isFinite as Accepts },
  },
  { name: 'testAgent', call: (options) => testAgent(Counter as never, options as never), options: { id: any, seed: any, init: any } },
  {
    name: 'defineAgent',
    call: agent,
    isDefinition: true,
    options: {
      kind: text,
      state: callable,
      actions: any,
      skills: list,
      validateState: nothing,
      subscriptions: any,
      onStart: callable,
      onStop: callable,
      onTerminated: callable,
      mailbox: group,
      supervision: group,
      groups: list,
      durable: group,
    },
  },
  { name: 'defineAgent, mailbox', call: within(['mailbox'], agent), isDefinition: true, options: { capacity: whole(1, 16_777_216), overflow: nothing } },
  { name: 'defineAgent, supervision', call: within(['supervision'], agent), isDefinition: true, options: supervision },
  { name: 'defineAgent, supervision.backoff', call: within(['supervision', 'backoff'], agent), isDefinition: true, options: backoff },
  {
    name: 'defineAgent, durable',
    call: within(['durable'], agent),
    isDefinition: true,
    options: {
      writes: nothing,
      lossMaxMs: number(2, 3_600_000),
      schemaVersion: whole(1, 4_294_967_295),
      upgrade: callable,
      apply: callable,
      snapshotEvery: any,
      passivateAfterMs: number(10, 2_147_483_647),
    },
  },
  {
    name: 'defineAgent, an action',
    call: within(['actions', 'act'], agent),
    isDefinition: true,
    options: { handler: callable, concurrent: boolean, input: any, reply: any },
    needed: { handler: state },
  },
  {
    name: 'defineSkill',
    call: skill,
    isDefinition: true,
    options: { name: any, state: callable, actions: any, sensors: list, subscriptions: any, validateState: nothing, onStart: callable, onStop: callable },
  },
  {
    name: 'defineSensor',
    call: (options) => defineSensor({ kind: 'k', sense: () => [], periodMs: 10, ...options } as never),
    isDefinition: true,
    options: { sense: callable, state: callable, periodMs: (value) => callable(value) || number(1, 2_147_483_647)(value), senseAtStart: boolean },
  },
  {
    name: 'defineSupervisor',
    call: supervisor,
    isDefinition: true,
    options: { strategy: nothing, children: callable, intensity: any, periodMs: any, backoff: any, mailbox: group },
  },
];

function ignoring(code: string): (error: unknown) => void {
  return (error) => {
    if ((error as { code?: string }).code !== code) throw error;
  };
}

/** Values that few options take. None of them may be turned into a text: some cannot. */
const JUNK: readonly unknown[] = [null, Symbol('junk'), Object.create(null), [], Number.NaN, -1, 1e18, '', 'zebra', () => 0, true, 10n, 'x'.repeat(5000)];

/** The name with one character left out, doubled, or changed with its neighbour. */
const misspelling = (name: string) =>
  fc.record({ at: fc.nat(name.length - 2), how: fc.constantFrom('drop', 'double', 'swap') }).map(({ at, how }) => {
    if (how === 'drop') return name.slice(0, at) + name.slice(at + 1);
    if (how === 'double') return name.slice(0, at) + name[at] + name.slice(at);
    return name.slice(0, at) + name[at + 1] + name[at] + name.slice(at + 2);
  });

describe.each(ENTRY_POINTS.map((entry) => [entry.name, entry] as const))('%s', (_name, entry) => {
  const names = Object.keys(entry.options);
  const codes = entry.isDefinition === true ? ['NEXUS_DEFINITION_INVALID'] : ['NEXUS_OPTION_UNKNOWN'];

  test('a misspelt option is refused, and the nearest is suggested', async () => {
    const mistakes = fc.constantFrom(...names).chain((name) => misspelling(name).map((misspelt) => ({ name, misspelt })));
    await fc.assert(
      fc.asyncProperty(mistakes, async ({ name, misspelt }) => {
        fc.pre(misspelt !== '' && !names.includes(misspelt));
        const failure = await failureOf(async () => entry.call({ ...entry.needed, [misspelt]: 1 }));
        const data = (failure?.error as unknown as { data?: { name: string; suggestion?: string; known: string[] } })?.data;
        // What it takes may have another name that is spelt so.
        fc.pre(data?.known.includes(misspelt) !== true && !names.includes(misspelt));
        expect(codes, `${misspelt}: ${failure?.message ?? 'was taken'}`).toContain(failure?.code);
        expect(data?.known).toContain(name);
        const suggestion = nearest(misspelt, data?.known ?? []);
        expect(data).toMatchObject({ name: misspelt, suggestion });
        if (name.length > 3) expect(suggestion).toBeDefined();
        if (suggestion !== undefined) expect(failure?.message).toContain(`'${misspelt}'; did you mean '${suggestion}'?`);
      }),
      { numRuns: 20 },
    );
  });

  test('a value of the wrong type or out of range is refused by the name of its option', async () => {
    for (const [name, accepts] of Object.entries(entry.options)) {
      for (const value of JUNK) {
        if (accepts(value) || (value === null && entry.takesNull === true)) continue;
        // A string that is fine as the routing or the thread of this call is none of the junk above.
        const failure = await failureOf(async () => entry.call({ ...entry.needed, [name]: value }));
        const what = `${entry.name}, ${name}: ${typeof value === 'symbol' ? 'a symbol' : typeof value}`;
        expect(failure?.code ?? '', `${what} was ${failure === undefined ? 'taken' : `refused as ${failure.message}`}`).toMatch(
          entry.isDefinition === true ? /^NEXUS_DEFINITION_INVALID$/ : /^NEXUS_(OPTION_INVALID|OPTION_UNKNOWN|THREAD_UNKNOWN|DEFINITION_INVALID)$/,
        );
        expect(failure?.message, what).toMatch(new RegExp(`\\b${name}`));
        expect(failure?.message.length, what).toBeLessThan(1000);
      }
    }
  });
});
