/**
 * The system as it was read at a moment, all totals since the start (or since somebody looks), and the snapshot with rates that two such readings make. Pure: `runtime/system-observer.ts`
 * reads, and decides which two.
 */
import { distributionOfDurations, DURATION_BUCKETS, greatestDuration, quantileOfDurations } from './duration-buckets.js';
import {
  type ActionSnapshot,
  type DurationSummary,
  type FlowSnapshot,
  type KindSnapshot,
  type MailboxSnapshot,
  type RecentDeadLetter,
  type RecentFailure,
  SNAPSHOT_ACTIONS_MAX,
  SNAPSHOT_FLOWS_MAX,
  SNAPSHOT_KINDS_MAX,
  SNAPSHOT_MAILBOXES_MAX,
  SNAPSHOT_RECENT_MAX,
  type SystemSnapshot,
  type ThreadSnapshot,
} from './observation.js';

/** What a thread has seen of its messages, in sums since `session` began. */
export interface ThreadActivity {
  /** When it began, by the clock of all threads: what it tells is in sums since then. */
  readonly session: number;
  /** Live agents by kind: exact. */
  readonly kinds: readonly { readonly kind: string; readonly agents: number }[];
  readonly actions: readonly ActionTotals[];
  readonly flows: readonly { readonly from: string; readonly to: string; readonly count: number }[];
  readonly mailboxes: readonly MailboxSnapshot[];
  readonly deadLetters: readonly RecentDeadLetter[];
  readonly failures: readonly RecentFailure[];
}

export interface ActionTotals {
  readonly kind: string;
  readonly action: string;
  /** Estimated. */
  readonly count: number;
  readonly failed: number;
  /** How many were timed. */
  readonly samples: number;
  /** Of the durations, with their weights. */
  readonly sumMs: number;
  readonly maxMs: number;
  /** Pairs of bucket and weight, by bucket. */
  readonly buckets: readonly number[];
}

export interface ThreadReading {
  readonly thread: number;
  readonly state: string;
  readonly incarnation: number;
  readonly agents: number;
  readonly queueDepth: number;
  readonly load: ThreadSnapshot['load'];
  readonly counters: Readonly<Record<string, number>>;
  /** The latest there is; undefined if the thread has not answered yet. */
  readonly activity: ThreadActivity | undefined;
  /** It has answered now. */
  readonly isAnswering: boolean;
}

export interface SystemReading {
  /** Of the clock of all threads. */
  readonly atMs: number;
  readonly takenAtMs: number;
  readonly cpuMs: number;
  readonly process: Omit<SystemSnapshot['process'], 'cpuCores'>;
  readonly threads: readonly ThreadReading[];
  readonly durations: SystemSnapshot['durations'];
}

const DEAD = 'dead_';
/** Reasons as dead letters say them, where the counter says it in another way. */
const REASONS: Readonly<Record<string, string>> = { stopped: 'agentStopped' };

/** @param before undefined if nobody has looked for a while: rates are 0 then */
export function snapshotOf(now: SystemReading, before: SystemReading | undefined): SystemSnapshot {
  const periodMs = before === undefined ? 0 : now.atMs - before.atMs;
  const perSecond = (difference: number): number => (periodMs > 0 ? Math.max(0, (difference * 1000) / periodMs) : 0);
  const countersBefore = new Map(before?.threads.map((each) => [each.thread, each.counters]));
  const total = (name: string): number => now.threads.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
  const rateOf = ({ thread, counters }: ThreadReading, name: string): number => {
    const earlier = countersBefore.get(thread)?.[name];
    return earlier === undefined ? 0 : perSecond((counters[name] ?? 0) - earlier);
  };
  const rate = (name: string): number => now.threads.reduce((sum, each) => sum + rateOf(each, name), 0);
  const deadNames = Object.keys(now.threads[0]?.counters ?? {}).filter((name) => name.startsWith(DEAD));
  const actions = actionsOf(now, before, perSecond);
  return {
    takenAtMs: now.takenAtMs,
    periodMs,
    process: { ...now.process, cpuCores: before === undefined || periodMs <= 0 ? 0 : Math.max(0, (now.cpuMs - before.cpuMs) / periodMs) },
    agents: {
      live: now.threads.reduce((sum, { agents }) => sum + agents, 0),
      spawnedPerSecond: rate('spawned'),
      stoppedPerSecond: rate('stopped'),
    },
    messages: {
      handledPerSecond: rate('handled'),
      failedPerSecond: rate('failed'),
      localPerSecond: rate('sent_local'),
      remotePerSecond: rate('sent_remote'),
      remoteBytesPerSecond: rate('remote_bytes'),
      waiting: now.threads.reduce((sum, { queueDepth }) => sum + queueDepth, 0),
    },
    threads: now.threads.map((each) => ({
      thread: each.thread,
      state: each.state,
      isAnswering: each.isAnswering,
      incarnation: each.incarnation,
      agents: each.agents,
      waiting: each.queueDepth,
      handledPerSecond: rateOf(each, 'handled'),
      localPerSecond: rateOf(each, 'sent_local'),
      remotePerSecond: rateOf(each, 'sent_remote'),
      load: each.load,
    })),
    kinds: kindsOf(now, actions),
    actions: actions.sort((a, b) => b.p99Ms - a.p99Ms || b.perSecond - a.perSecond).slice(0, SNAPSHOT_ACTIONS_MAX),
    flows: flowsOf(now, before, perSecond),
    mailboxes: latest(now, ({ mailboxes }) => mailboxes)
      .sort((a, b) => b.waiting - a.waiting)
      .slice(0, SNAPSHOT_MAILBOXES_MAX),
    deadLetters: {
      totals: Object.fromEntries(deadNames.map((name) => [reasonOf(name), total(name)])),
      perSecond: deadNames.reduce((sum, name) => sum + rate(name), 0),
      recent: newest(latest(now, ({ deadLetters }) => deadLetters)),
    },
    restarts: { total: total('restarted'), perSecond: rate('restarted'), recent: newest(latest(now, ({ failures }) => failures)) },
    durations: now.durations,
  };
}

function reasonOf(counter: string): string {
  const name = counter.slice(DEAD.length);
  return REASONS[name] ?? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** @param sumNs of all, nanoseconds as the others */
export function durationSummary(count: number, sumNs: number, p50Ns: number, p99Ns: number, maxNs: number): DurationSummary {
  if (count === 0) return { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
  return { count, meanMs: sumNs / count / 1e6, p50Ms: p50Ns / 1e6, p99Ms: p99Ns / 1e6, maxMs: maxNs / 1e6 };
}

interface ActionSum {
  count: number;
  failed: number;
  samples: number;
  sumMs: number;
  maxMs: number;
  readonly kind: string;
  readonly action: string;
  readonly buckets: Float64Array;
}

/** What has happened between the two, of all threads together. */
function actionsOf(now: SystemReading, before: SystemReading | undefined, perSecond: (difference: number) => number): ActionSnapshot[] {
  const sums = new Map<string, ActionSum>();
  const add = (sign: 1 | -1, activity: ThreadActivity): void => {
    for (const { kind, action, count, failed, samples, sumMs, maxMs, buckets } of activity.actions) {
      const key = JSON.stringify([kind, action]);
      let sum = sums.get(key);
      if (sum === undefined) {
        sum = { kind, action, count: 0, failed: 0, samples: 0, sumMs: 0, maxMs: 0, buckets: new Float64Array(DURATION_BUCKETS) };
        sums.set(key, sum);
      }
      sum.count += sign * count;
      sum.failed += sign * failed;
      sum.samples += sign * samples;
      sum.sumMs += sign * sumMs;
      sum.maxMs = Math.max(sum.maxMs, maxMs);
      for (let at = 0; at + 1 < buckets.length; at += 2)
        sum.buckets[buckets[at] as number] = (sum.buckets[buckets[at] as number] as number) + sign * (buckets[at + 1] as number);
    }
  };
  if (before === undefined) return [];
  eachPair(now, before, (latest, earlier) => {
    add(1, latest);
    if (earlier !== undefined) add(-1, earlier);
  });
  const actions: ActionSnapshot[] = [];
  for (const { kind, action, count, failed, samples, sumMs, maxMs, buckets } of sums.values()) {
    if (count <= 0) continue;
    const greatestMs = greatestDuration(buckets, maxMs);
    actions.push({
      kind,
      action,
      perSecond: perSecond(count),
      failedPerSecond: perSecond(failed),
      samples,
      meanMs: Math.min(sumMs / count, greatestMs),
      p50Ms: quantileOfDurations(buckets, 0.5, greatestMs),
      p99Ms: quantileOfDurations(buckets, 0.99, greatestMs),
      maxMs: greatestMs,
      distribution: distributionOfDurations(buckets),
    });
  }
  return actions;
}

function kindsOf(now: SystemReading, actions: readonly ActionSnapshot[]): KindSnapshot[] {
  const kinds = new Map<string, { agents: number; handledPerSecond: number }>();
  const of = (kind: string): { agents: number; handledPerSecond: number } => {
    let entry = kinds.get(kind);
    if (entry === undefined) {
      entry = { agents: 0, handledPerSecond: 0 };
      kinds.set(kind, entry);
    }
    return entry;
  };
  for (const { kind, agents } of latest(now, (activity) => activity.kinds)) of(kind).agents += agents;
  for (const { kind, perSecond } of actions) of(kind).handledPerSecond += perSecond;
  return [...kinds]
    .map(([kind, entry]) => ({ kind, ...entry }))
    .sort((a, b) => b.agents - a.agents || b.handledPerSecond - a.handledPerSecond || (a.kind < b.kind ? -1 : 1))
    .slice(0, SNAPSHOT_KINDS_MAX);
}

function flowsOf(now: SystemReading, before: SystemReading | undefined, perSecond: (difference: number) => number): FlowSnapshot[] {
  const flows = new Map<string, { readonly from: string; readonly to: string; count: number }>();
  const add = (sign: 1 | -1, activity: ThreadActivity): void => {
    for (const { from, to, count } of activity.flows) {
      const key = JSON.stringify([from, to]);
      const flow = flows.get(key) ?? { from, to, count: 0 };
      flow.count += sign * count;
      flows.set(key, flow);
    }
  };
  if (before === undefined) return [];
  eachPair(now, before, (latest, earlier) => {
    add(1, latest);
    if (earlier !== undefined) add(-1, earlier);
  });
  return [...flows.values()]
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, SNAPSHOT_FLOWS_MAX)
    .map(({ from, to, count }) => ({ from, to, perSecond: perSecond(count) }));
}

/** What each thread says now, with what it had said in the same session before. Sums of a session that has begun since are of this period as a whole. */
function eachPair(now: SystemReading, before: SystemReading, visit: (latest: ThreadActivity, earlier: ThreadActivity | undefined) => void): void {
  const earlier = new Map(before.threads.map((each) => [each.thread, each.activity]));
  for (const { thread, activity } of now.threads) {
    if (activity === undefined) continue;
    const known = earlier.get(thread);
    visit(activity, known?.session === activity.session ? known : undefined);
  }
}

function latest<T>(now: SystemReading, of: (activity: ThreadActivity) => readonly T[]): T[] {
  return now.threads.flatMap(({ activity }) => (activity === undefined ? [] : of(activity)));
}

function newest<T extends { readonly atMs: number }>(events: T[]): T[] {
  return events.sort((a, b) => b.atMs - a.atMs).slice(0, SNAPSHOT_RECENT_MAX);
}
