/**
 * What to do about the load of threads: measures and what was done before in, actions with their reasons out. Bounded a round, and slow to act, so that agents do not go
 * back and forth: a thread must be overloaded in two measures in a row, an agent moves only where the load is clearly less with it there, and stays for a while. Under a load
 * that does not change each move makes the difference between two threads smaller, so that they come to an end. Pure: `runtime/balancing.ts` gathers and acts.
 */
import type { BalancingLimits } from './balancing-options.js';

/** Measures in a row in which a thread must be overloaded. */
export const OVERLOADED_ROUNDS = 2;
/** An agent that has moved stays for so many rounds. */
export const SETTLING_ROUNDS = 12;
/** An agent that could not be moved is left out for so many rounds. */
export const REFUSED_ROUNDS = 60;
/** Where there was nothing that could leave memory, nobody looks again for so many rounds. */
export const NOTHING_IDLE_ROUNDS = 2;
/** The thread that an agent moves to must have less load with it there than the other one had, by so much. */
export const MARGIN = 0.15;
/** No thread is given more load than this share of what overloads it. */
export const ROOM = 0.85;
/** An agent that takes less of its thread's time is not worth a move. */
export const SHARE_MIN = 0.005;
/** So far below the share that is too much, memory is to come by what leaves it. */
export const MEMORY_RELIEF = 0.1;
/** A thread that has not measured itself for so many periods is blocked, and left alone. */
export const STALE_PERIODS = 3;

/** A thread as a round of balancing saw it. Shares are from 0 to 1. */
export interface ThreadMeasures {
  readonly thread: number;
  readonly isReady: boolean;
  /** 0: nothing was measured. */
  readonly measuredAtMs: number;
  readonly utilization: number;
  readonly lagMs: number;
  readonly collecting: number;
  readonly heapUsedBytes: number;
  readonly heapLimitBytes: number;
  readonly queueDepth: number;
  readonly agents: number;
}

/** An agent that takes this share of its thread's time. */
export interface AgentShare {
  readonly slot: number;
  readonly generation: number;
  readonly share: number;
}

export interface Measures<A extends AgentShare> {
  readonly nowMs: number;
  readonly residentBytes: number;
  readonly threads: readonly ThreadMeasures[];
  /** Of threads that are looked at closely: their agents, the heaviest first. */
  readonly agents: ReadonlyMap<number, readonly A[]>;
}

export type BalancingAction<A extends AgentShare> =
  /** Find out which agents take the time of this thread. */
  | { readonly type: 'watch'; readonly thread: number; readonly reason: string }
  | { readonly type: 'unwatch'; readonly thread: number; readonly reason: string }
  | { readonly type: 'migrate'; readonly from: number; readonly to: number; readonly agents: readonly A[]; readonly reason: string }
  | { readonly type: 'passivate'; readonly thread: number; readonly countMax: number; readonly reason: string }
  /** Something should be done and cannot. */
  | { readonly type: 'nothing'; readonly thread: number; readonly reason: string };

export interface ThreadHistory {
  readonly measuredAtMs: number;
  readonly overloadedRounds: number;
  readonly isWatched: boolean;
  /** Round before which nobody looks for agents that can leave its memory. */
  readonly passivateFrom: number;
}

export interface BalancingHistory {
  readonly round: number;
  readonly threads: ReadonlyMap<number, ThreadHistory>;
  /** By agent: the round from which on it may move (again). */
  readonly stays: ReadonlyMap<string, number>;
}

export const NO_HISTORY: BalancingHistory = { round: 0, threads: new Map(), stays: new Map() };
const NEW_THREAD: ThreadHistory = { measuredAtMs: 0, overloadedRounds: 0, isWatched: false, passivateFrom: 0 };

export interface BalancingDecision<A extends AgentShare> {
  readonly history: BalancingHistory;
  readonly actions: readonly BalancingAction<A>[];
}

/** One round. */
export function balance<A extends AgentShare>(before: BalancingHistory, measures: Measures<A>, options: BalancingLimits): BalancingDecision<A> {
  const round = before.round + 1;
  const stays = new Map([...before.stays].filter(([, until]) => until > round));
  const threads = new Map<number, ThreadHistory>();
  const fresh = new Set<number>();
  for (const measured of measures.threads) {
    // A thread that is lost begins anew.
    if (!measured.isReady) continue;
    const history = before.threads.get(measured.thread) ?? NEW_THREAD;
    if (measured.measuredAtMs <= history.measuredAtMs) {
      threads.set(measured.thread, history);
      continue;
    }
    fresh.add(measured.thread);
    const overloadedRounds = measured.utilization >= options.overload ? history.overloadedRounds + 1 : 0;
    threads.set(measured.thread, { ...history, measuredAtMs: measured.measuredAtMs, overloadedRounds });
  }
  const actions: BalancingAction<A>[] = [];
  const current = { round, measures, options, threads, fresh, stays, actions };
  if (options.passivate) relieveMemory(current);
  if (options.migrate) relieveThreads(current);
  return { history: { round, threads, stays }, actions };
}

/** What the actions led to: agents that did not move, and threads with nothing that could leave memory. */
export function learn(
  history: BalancingHistory,
  outcome: { readonly refused: readonly AgentShare[]; readonly nothingIdle: readonly number[] },
): BalancingHistory {
  if (outcome.refused.length === 0 && outcome.nothingIdle.length === 0) return history;
  const stays = new Map(history.stays);
  for (const agent of outcome.refused) stays.set(nameOf(agent), history.round + REFUSED_ROUNDS);
  const threads = new Map(history.threads);
  for (const thread of outcome.nothingIdle) {
    const known = threads.get(thread);
    if (known !== undefined) threads.set(thread, { ...known, passivateFrom: history.round + 1 + NOTHING_IDLE_ROUNDS });
  }
  return { ...history, stays, threads };
}

interface Round<A extends AgentShare> {
  readonly round: number;
  readonly measures: Measures<A>;
  readonly options: BalancingLimits;
  readonly threads: Map<number, ThreadHistory>;
  /** Those that have measured themselves since the round before. */
  readonly fresh: ReadonlySet<number>;
  readonly stays: Map<string, number>;
  readonly actions: BalancingAction<A>[];
}

function relieveMemory<A extends AgentShare>({ round, measures, options, threads, actions }: Round<A>): void {
  const { memoryPressure, memoryBytesMax, passivationsMax } = options;
  const ofProcess = measures.residentBytes / memoryBytesMax;
  const pressed = measures.threads
    .filter(({ thread, agents, measuredAtMs }) => measuredAtMs > 0 && agents > 0 && (threads.get(thread)?.passivateFrom ?? Number.POSITIVE_INFINITY) <= round)
    .map((measured) => ({ ...measured, ofHeap: measured.heapLimitBytes > 0 ? measured.heapUsedBytes / measured.heapLimitBytes : 0 }))
    .filter(({ ofHeap }) => ofHeap >= memoryPressure || ofProcess >= memoryPressure)
    .sort((a, b) => b.ofHeap - a.ofHeap);
  let left = passivationsMax;
  for (const { thread, agents, ofHeap } of pressed) {
    if (left === 0) break;
    const isHeap = ofHeap >= memoryPressure;
    const share = Math.max(isHeap ? ofHeap : 0, ofProcess >= memoryPressure ? ofProcess : 0);
    // As if all agents were of one size and everything there is were theirs.
    const countMax = Math.min(left, Math.max(1, Math.ceil((agents * (share - memoryPressure + MEMORY_RELIEF)) / share)));
    left -= countMax;
    const of = isHeap ? "the thread's heap limit" : 'what the process may have';
    actions.push({ type: 'passivate', thread, countMax, reason: `memory in use is ${percent(isHeap ? ofHeap : ofProcess)} of ${of}` });
  }
}

function relieveThreads<A extends AgentShare>(round: Round<A>): void {
  const { measures, options, threads, fresh, actions } = round;
  const isStale = ({ measuredAtMs }: ThreadMeasures): boolean => measures.nowMs - measuredAtMs > STALE_PERIODS * options.periodMs;
  const usable = measures.threads.filter((measured) => threads.has(measured.thread) && measured.measuredAtMs > 0 && !isStale(measured));
  const loads = new Map(usable.map(({ thread, utilization }) => [thread, utilization]));
  const targets = usable.filter(
    ({ thread, heapUsedBytes, heapLimitBytes }) =>
      threads.get(thread)?.overloadedRounds === 0 && (heapLimitBytes === 0 || heapUsedBytes / heapLimitBytes < options.memoryPressure),
  );
  if (usable.length < 2) return;
  let left = options.migrationsMax;
  const sources = usable.filter(({ thread }) => (threads.get(thread) as ThreadHistory).overloadedRounds > 0);
  for (const source of sources.sort((a, b) => b.utilization - a.utilization || b.queueDepth - a.queueDepth)) {
    const { thread } = source;
    const history = threads.get(thread) as ThreadHistory;
    if (!fresh.has(thread)) continue;
    const load = `its event loop is busy ${percent(source.utilization)} of the time`;
    const agents = measures.agents.get(thread);
    if (!history.isWatched || agents === undefined) {
      threads.set(thread, { ...history, isWatched: true });
      actions.push({ type: 'watch', thread, reason: load });
      continue;
    }
    if (history.overloadedRounds < OVERLOADED_ROUNDS) continue;
    const { moves, obstacle } = movesOff(round, thread, agents, loads, targets, left);
    for (const [to, moving] of moves) {
      left -= moving.length;
      actions.push({ type: 'migrate', from: thread, to, agents: moving, reason: load });
      for (const agent of moving) round.stays.set(nameOf(agent), round.round + SETTLING_ROUNDS);
      // What they measure next is of before and after.
      for (const each of [thread, to]) threads.set(each, { ...(threads.get(each) as ThreadHistory), overloadedRounds: 0 });
    }
    if (moves.size === 0) actions.push({ type: 'nothing', thread, reason: `${load}, and ${obstacle}` });
  }
  for (const [thread, history] of threads) {
    // One measure without overload may be followed by one with.
    if (!history.isWatched || history.overloadedRounds > 0 || actions.some((action) => action.type === 'migrate' && action.from === thread)) continue;
    threads.set(thread, { ...history, isWatched: false });
    actions.push({ type: 'unwatch', thread, reason: 'it is not overloaded any more' });
  }
}

function movesOff<A extends AgentShare>(
  { options, stays }: Round<A>,
  from: number,
  agents: readonly A[],
  loads: Map<number, number>,
  targets: readonly ThreadMeasures[],
  countMax: number,
): { readonly moves: ReadonlyMap<number, A[]>; readonly obstacle: string } {
  const moves = new Map<number, A[]>();
  const roomUpTo = options.overload * ROOM;
  if (targets.length === 0) return { moves, obstacle: 'no other thread has room' };
  if (countMax === 0) return { moves, obstacle: 'enough agents move in this round' };
  let moved = 0;
  let staying = 0;
  for (const agent of agents) {
    if (moved === countMax) break;
    if (agent.share < SHARE_MIN) continue;
    if (stays.has(nameOf(agent))) {
      staying++;
      continue;
    }
    const to = targets.reduce(
      (least, { thread }) => ((loads.get(thread) as number) < (loads.get(least) as number) ? thread : least),
      targets[0]?.thread as number,
    );
    const there = (loads.get(to) as number) + agent.share;
    const here = loads.get(from) as number;
    if (there > roomUpTo || there > here - MARGIN) continue;
    loads.set(to, there);
    loads.set(from, here - agent.share);
    const moving = moves.get(to);
    if (moving === undefined) moves.set(to, [agent]);
    else moving.push(agent);
    moved++;
  }
  const obstacle = staying > 0 ? `no agent that may move (${staying} may not yet) would make it better` : 'no move of an agent would make it better';
  return { moves, obstacle };
}

function nameOf({ slot, generation }: AgentShare): string {
  return `${slot}.${generation}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
