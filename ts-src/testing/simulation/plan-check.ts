/** Checks plans that were written by hand, or come from a file: every mistake is an error that names the field by its path. */
import { NexusTypeError, optionError, quoted, valueText } from '../../errors.js';
import type { ResolverOptions } from '../../model/cluster-options.js';
import { checkNames, didYouMean, listed, misspelt } from '../../model/nearest-name.js';
import { FAULT_KINDS, type Fault, type FaultKind, isMomentary, REAL_FAULT_KINDS } from './fault.js';
import { inOrder, PLAN_FAULTS_MAX, PLAN_MS_MAX, PLAN_NODES_MAX, type Plan } from './plan.js';

type Field = (path: string, value: unknown, nodes: number) => void;

const RATE_MAX = 0.9;
/** The membership allows for two clocks that differ by twice as much. */
const DRIFT_MAX = 0.01;
const CLOCK_JUMP_MS_MAX = 1e12;
const THREADS_MAX = 127;

/** The fields of each kind besides `kind`, `atMs` and `forMs`. */
const FIELDS: Readonly<Record<Fault['kind'], Readonly<Record<string, Field>>>> = {
  partition: { groups: listOf('groups of nodes', 2, nodeList) },
  oneWayPartition: { from: nodeList, to: nodeList },
  nonTransitivePartition: { pairs: listOf('pairs of nodes', 1, pair) },
  cloggedLink: { from: node, to: node },
  loss: { nodes: optional(nodeList), rate: number(0, RATE_MAX) },
  duplication: { nodes: optional(nodeList), rate: number(0, RATE_MAX) },
  reordering: { nodes: optional(nodeList), rate: number(0, 1), delayMs: number(0, PLAN_MS_MAX) },
  corruption: { nodes: optional(nodeList), rate: number(0, RATE_MAX) },
  latency: { nodes: optional(nodeList), addedMs: number(0, PLAN_MS_MAX), jitterMs: number(0, PLAN_MS_MAX) },
  bandwidth: { nodes: optional(nodeList), bytesPerSecond: number(1, 1e12) },
  pause: { nodes: nodeList },
  crash: { nodes: nodeList, disk: oneOf('kept', 'lost'), ending: oneOf('reset', 'silent') },
  restart: { nodes: nodeList },
  leave: { nodes: nodeList },
  slowNode: { nodes: nodeList, delayMs: number(0, PLAN_MS_MAX) },
  killThread: { nodes: nodeList, thread: whole(1, THREADS_MAX) },
  clockDrift: { nodes: nodeList, rate: number(-DRIFT_MAX, DRIFT_MAX) },
  clockJump: { nodes: nodeList, byMs: number(-CLOCK_JUMP_MS_MAX, CLOCK_JUMP_MS_MAX) },
  lostWrites: { nodes: nodeList },
  tornWrites: { nodes: nodeList },
  readErrors: { nodes: nodeList, rate: number(0, 1) },
  writeErrors: { nodes: nodeList, rate: number(0, 1) },
  bitFlips: { nodes: nodeList, rate: number(0, 1) },
  fullDisk: { nodes: nodeList },
  memoryLimit: { nodes: nodeList, bytes: number(1_048_576, 1e15) },
  busyProcessors: { nodes: nodeList, processes: whole(1, 64) },
  byzantineFrames: { nodes: nodeList, perSecond: number(0.1, 1000) },
};

const RESOLVERS: Readonly<Record<ResolverOptions['strategy'], Readonly<Record<string, Field>>>> = {
  keepMajority: {},
  staticQuorum: { quorum: (path, value, nodes) => whole(1, nodes)(path, value, nodes) },
  keepOldest: {},
  keepReferee: { referee: text },
  downAll: {},
};

/**
 * The plan that a value is, with its faults in order.
 * @param name of the whole, for messages: errors name a field as `plan.faults[2].rate`
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function checkedPlan(value: unknown, name = 'plan'): Plan {
  checkNames(name, value, ['seed', 'nodes', 'durationMs', 'resolver', 'faults']);
  const { seed, nodes, durationMs, resolver = { strategy: 'keepMajority' }, faults = [] } = value as Record<string, unknown>;
  whole(0, 2 ** 32 - 1)(`${name}.seed`, seed, 0);
  whole(1, PLAN_NODES_MAX)(`${name}.nodes`, nodes, 0);
  number(0, PLAN_MS_MAX)(`${name}.durationMs`, durationMs, 0);
  checkResolver(`${name}.resolver`, resolver, nodes as number);
  return inOrder({
    seed: seed as number,
    nodes: nodes as number,
    durationMs: durationMs as number,
    resolver: resolver as ResolverOptions,
    faults: checkedFaults(faults, nodes as number, `${name}.faults`),
  });
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkedFaults(value: unknown, nodes: number, name: string): readonly Fault[] {
  if (!Array.isArray(value)) throw optionError(name, `is ${valueText(value)}; it must be a list of faults`);
  if (value.length > PLAN_FAULTS_MAX) throw optionError(name, `has ${value.length} faults; there may be ${PLAN_FAULTS_MAX}`);
  value.forEach((fault, index) => {
    checkFault(`${name}[${index}]`, fault, nodes);
  });
  return value as readonly Fault[];
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkedKinds(value: unknown, name: string): readonly FaultKind[] {
  if (!Array.isArray(value)) throw optionError(name, `is ${valueText(value)}; it must be a list of kinds of faults`);
  value.forEach((kind, index) => {
    checkKind(`${name}[${index}]`, kind, FAULT_KINDS);
  });
  return value as readonly FaultKind[];
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkResolver(path: string, value: unknown, nodes: number): void {
  if (typeof value !== 'object' || value === null) throw optionError(path, `is ${valueText(value)}; it must be an object such as { strategy: 'keepMajority' }`);
  const { strategy } = value as { strategy?: unknown };
  checkKind(`${path}.strategy`, strategy, Object.keys(RESOLVERS));
  checkFields(path, value, { strategy: () => undefined, ...RESOLVERS[strategy as ResolverOptions['strategy']] }, nodes);
}

function checkFault(path: string, value: unknown, nodes: number): void {
  if (typeof value !== 'object' || value === null) throw optionError(path, `is ${valueText(value)}; it must be an object with kind, atMs and forMs`);
  const { kind } = value as { kind?: unknown };
  checkKind(`${path}.kind`, kind, [...FAULT_KINDS, ...REAL_FAULT_KINDS]);
  const duration = number(0, PLAN_MS_MAX);
  const times: Record<string, Field> = {
    kind: () => undefined,
    atMs: number(0, PLAN_MS_MAX),
    forMs: isMomentary(value as Fault) ? optional(duration) : duration,
  };
  checkFields(path, value, { ...times, ...FIELDS[kind as Fault['kind']] }, nodes);
}

function checkFields(path: string, value: object, fields: Readonly<Record<string, Field>>, nodes: number): void {
  checkNames(path, value, Object.keys(fields));
  for (const [name, check] of Object.entries(fields)) check(`${path}.${name}`, (value as Record<string, unknown>)[name], nodes);
}

function checkKind(path: string, value: unknown, known: readonly string[]): void {
  if (typeof value === 'string' && known.includes(value)) return;
  const text = `${path}: is ${valueText(value)}${didYouMean(value, known)} It must be one of ${listed(known)}`;
  throw new NexusTypeError('NEXUS_OPTION_INVALID', text, { option: path, ...misspelt(value, known) });
}

function node(path: string, value: unknown, nodes: number): void {
  if (!(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= nodes))
    throw optionError(path, `is ${valueText(value)}; it must be the number of a node, 1 to ${nodes}`);
}

function nodeList(path: string, value: unknown, nodes: number): void {
  listOf('nodes', 1, node)(path, value, nodes);
  const twice = (value as number[]).find((number, index) => (value as number[]).indexOf(number) !== index);
  if (twice !== undefined) throw optionError(path, `has node ${twice} twice`);
}

function pair(path: string, value: unknown, nodes: number): void {
  listOf('two nodes', 2, node)(path, value, nodes);
  const [a, b] = value as number[];
  if ((value as number[]).length !== 2 || a === b) throw optionError(path, 'must be two different nodes');
}

function listOf(what: string, lengthMin: number, element: Field): Field {
  return (path, value, nodes) => {
    if (!Array.isArray(value)) throw optionError(path, `is ${valueText(value)}; it must be a list of ${what}`);
    if (value.length < lengthMin || value.length > PLAN_NODES_MAX * 10)
      throw optionError(path, `has ${value.length} elements; it must be a list of ${what}, with at least ${lengthMin}`);
    value.forEach((each, index) => {
      element(`${path}[${index}]`, each, nodes);
    });
  };
}

function number(min: number, max: number): Field {
  return (path, value) => {
    if (!(typeof value === 'number' && value >= min && value <= max))
      throw optionError(path, `is ${valueText(value)}; it must be a number from ${min} to ${max}`);
  };
}

function whole(min: number, max: number): Field {
  return (path, value) => {
    if (!(Number.isInteger(value) && (value as number) >= min && (value as number) <= max))
      throw optionError(path, `is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
  };
}

function oneOf(...known: readonly string[]): Field {
  return (path, value) => {
    checkKind(path, value, known);
  };
}

function text(path: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw optionError(path, `is ${valueText(value)}; it must be the name of a node, such as ${quoted('n1')}`);
}

function optional(field: Field): Field {
  return (path, value, nodes) => {
    if (value !== undefined) field(path, value, nodes);
  };
}
