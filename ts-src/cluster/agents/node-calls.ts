/**
 * Calls of one runtime to that of another node: which of the calls between threads may come from there, and how they are carried out, on the thread of the agent they are about. Every input is looked at: another node may
 * run another version, or be broken.
 */
import { NexusError } from '../../errors.js';
import { isNodeName, type NodeIdentity } from '../../model/node-identity.js';
import { isId, isName } from './agent-frames.js';
import type { TreeLimits } from '../../model/supervision-tree.js';
import { AgentReference } from '../../runtime/agent-reference.js';
import type { ReplyPort } from '../../runtime/pending-asks.js';
import type { NamedAgent } from '../../runtime/remote/agent-keys.js';
import type { SystemCallName } from '../../runtime/system-calls.js';
import type { ThreadHost } from '../../runtime/thread-host.js';

/** The caller has a deadline of its own. */
const TIMEOUT_MS = 86_400_000;

/** Agents that are described at once, and levels of them. */
const DESCRIBED_MAX = 10_000;
const DESCRIBED_DEPTH_MAX = 256;

/** As of one call of `findMany`. */
const IDS_MAX = 65_536;

type Check = (input: Readonly<Record<string, unknown>>) => boolean;

const isNode = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && isNodeName((value as NodeIdentity).name) && Number.isSafeInteger((value as NodeIdentity).incarnation);
const isAgent = (value: unknown): boolean => value instanceof AgentReference;
const isTime = (value: unknown): boolean => typeof value === 'number' && value > 0 && value <= TIMEOUT_MS;
const isReason = (value: unknown): boolean => typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
const isTie = (value: unknown): boolean => value === 'watch' || value === 'link' || value === 'parent' || value === 'child';
const isNamed = (value: unknown): boolean => {
  const { kind, id, life, node } = (value ?? {}) as Partial<NamedAgent>;
  return isName(kind) && isId(id) && Number.isSafeInteger(life) && isNode(node);
};
const isLimits = (value: unknown): boolean => {
  const { depthMax, agentsMax, nodeTimeoutMs } = (value ?? {}) as Partial<TreeLimits>;
  const isCount = (count: unknown, most: number): boolean => Number.isInteger(count) && (count as number) <= most;
  return isCount(depthMax, DESCRIBED_DEPTH_MAX) && isCount(agentsMax, DESCRIBED_MAX) && (nodeTimeoutMs === undefined || isTime(nodeTimeoutMs));
};
/** Slot and generation are those of the agent that the call is about: filled in where it is. */
const addressed: Check = () => true;

function isSpawn({ kind, id, thread, node, placement, parent, timeoutMs }: Readonly<Record<string, unknown>>): boolean {
  const isThread = thread === 'auto' || (Number.isInteger(thread) && (thread as number) >= 0);
  const isPlacement = placement === 'ring' || placement === 'pinned';
  return isName(kind) && isId(id) && isThread && isName(node) && isPlacement && (parent === undefined || isAgent(parent)) && isTime(timeoutMs);
}

function isReminder({ kind, id, name, dueEpochMs, periodMs, action, input }: Readonly<Record<string, unknown>>): boolean {
  const isInput = input === undefined || input === null || input instanceof Uint8Array;
  return isName(kind) && isId(id) && isName(name) && isName(action) && Number.isFinite(dueEpochMs) && Number.isFinite(periodMs) && isInput;
}

/** What another node may ask for. Of each: whether its input is one. */
const CALLS: Partial<Readonly<Record<SystemCallName, Check>>> = {
  stopAgent: addressed,
  whenEnded: addressed,
  watch: ({ target, watcher }) => isAgent(target) && isAgent(watcher),
  unwatch: ({ target, watcher }) => isAgent(target) && isAgent(watcher),
  terminated: ({ watcher, ref, id, reason }) => isAgent(watcher) && isAgent(ref) && typeof id === 'string' && isReason(reason),
  childEnded: ({ parent, child, reason }) => isAgent(parent) && (child === undefined || isAgent(child)) && (reason === undefined || isReason(reason)),
  childFailed: ({ parent, child, escalates }) => isAgent(parent) && isAgent(child) && typeof escalates === 'boolean',
  childRestored: ({ parent, child }) => isAgent(parent) && isAgent(child),
  endChild: ({ keep, timeoutMs }) => typeof keep === 'boolean' && isTime(timeoutMs),
  startChild: ({ timeoutMs }) => isTime(timeoutMs),
  escalate: ({ parent }) => isAgent(parent),
  link: ({ target, other }) => isAgent(target) && isAgent(other),
  unlink: ({ target, other }) => isAgent(target) && isAgent(other),
  linkedEnded: ({ target, ended, id, reason }) => isAgent(target) && isAgent(ended) && typeof id === 'string' && isReason(reason),
  roundTrip: addressed,
  tieFromNode: ({ tie, target, life, other, isNew }) =>
    isTie(tie) && isAgent(target) && Number.isSafeInteger(life) && isAgent(other) && typeof isNew === 'boolean',
  untieFromNode: ({ tie, target, other }) => isTie(tie) && isAgent(target) && isAgent(other),
  endedOnNode: ({ tie, target, ended, reason }) => isTie(tie) && isAgent(target) && isNamed(ended) && isReason(reason),
  describeFromNode: ({ agents, limits }) => Array.isArray(agents) && agents.length <= DESCRIBED_MAX && agents.every(isAgent) && isLimits(limits),
  locateHere: ({ ids }) => Array.isArray(ids) && ids.length <= IDS_MAX && ids.every(isId),
  spawnOnNode: isSpawn,
  getOrSpawnOnNode: isSpawn,
  forgetStored: ({ kind, id }) => isName(kind) && isId(id),
  deliverReminder: isReminder,
  moveToNode: ({ id, node, timeoutMs }) => isId(id) && isNode(node) && isTime(timeoutMs),
};

export function isNodeCall(name: unknown): name is SystemCallName {
  return typeof name === 'string' && Object.hasOwn(CALLS, name);
}

export function isInputOf(name: SystemCallName, input: unknown): boolean {
  if (input === undefined) return name === 'roundTrip';
  return typeof input === 'object' && input !== null && CALLS[name]?.(input as Readonly<Record<string, unknown>>) === true;
}

/**
 * Carries a call out: on the thread that has the agent, on this one if none has it or it is about none.
 * @param agent as it is known here
 */
export function carryOut(host: ThreadHost, agent: AgentReference | undefined, name: SystemCallName, given: unknown, reply: ReplyPort | undefined): void {
  const input = agent === undefined ? given : withAddress(given, agent);
  const thread = agent === undefined ? -1 : host.engine.table.threadOf(agent.slot, agent.generation);
  if (thread > 0 && host.links.canReach(thread)) {
    if (reply === undefined) return host.router.call(thread, name, input as never);
    const target = { kind: agent?.kind ?? 'thread', id: agent?.id ?? String(thread) };
    return settle(host.router.request(thread, name, input as never, TIMEOUT_MS, target), reply);
  }
  let result: unknown;
  try {
    result = (host.calls[name] as (call: unknown) => unknown).call(host.calls, input);
  } catch (error) {
    if (reply === undefined) host.logger.error({ error, call: name }, 'a call of another node failed');
    return reply?.fail(error);
  }
  if (result instanceof Promise) settle(result, reply ?? logged(host, name));
  else reply?.reply(result);
}

export function callRefused(name: unknown): NexusError {
  return new NexusError('NEXUS_MESSAGE_CORRUPT', `another node has made a call that nodes do not make, or with another input: ${String(name).slice(0, 100)}`);
}

function settle(result: Promise<unknown>, reply: Pick<ReplyPort, 'reply' | 'fail'>): void {
  result.then(
    (value) => reply.reply(value),
    (error: unknown) => reply.fail(error),
  );
}

function logged(host: ThreadHost, name: string): Pick<ReplyPort, 'reply' | 'fail'> {
  return { reply: () => undefined, fail: (error) => host.logger.error({ error, call: name }, 'a call of another node failed') };
}

/** A call that has waited on this node until the agent came here still has a reference to where that was. */
function withAddress(input: unknown, agent: AgentReference): unknown {
  if (typeof input !== 'object' || input === null) return input;
  const { slot, generation, id } = agent;
  let about: object = 'slot' in input && 'generation' in input ? { ...input, slot, generation } : input;
  for (const [name, value] of Object.entries(input))
    if (value instanceof AgentReference && value.remote !== undefined && value.id === id) about = { ...about, [name]: agent };
  return about;
}
