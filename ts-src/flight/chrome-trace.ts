/**
 * A flight record as Chrome trace events (JSON object format), for Perfetto and chrome://tracing. Threads of the nexus are the threads of one process; messages are slices, everything else marks.
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 *
 * A thread looks at its clock now and then, not at every message. So what happened between two looks has one time; here it shares the time up to the next, in proportion to the messages: at most 1 ms a message and 5 ms in all, for what took longer is said by an event of its own.
 */
import { type EventChoice, mergedEvents } from './merged-events.js';
import type { FlightEvent, FlightRecord } from './read-flight-record.js';
import { whatHappened } from './timeline.js';

export interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  /** X: a slice with a duration; i: a mark; M: metadata. */
  readonly ph: 'X' | 'i' | 'M';
  /** Microseconds since the process started. */
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  /** Of a mark: how far it reaches. */
  readonly s?: 't' | 'p' | 'g';
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Longest slices of messages whose end is not known. */
const MESSAGE_US_MAX = 1000;
const GROUP_US_MAX = 5000;

export function* chromeTrace(record: FlightRecord, choice: EventChoice = {}): IterableIterator<TraceEvent> {
  const { pid } = record.head;
  const metadata = (tid: number, name: string, args: Record<string, unknown>): TraceEvent => ({ name, ph: 'M', ts: 0, pid, tid, args });
  yield metadata(0, 'process_name', { name: `nexus ${pid}` });
  for (const { thread } of record.threads) {
    yield metadata(thread, 'thread_name', { name: thread === 0 ? 'thread 0 (calling)' : `thread ${thread}` });
    yield metadata(thread, 'thread_sort_index', { sort_index: thread });
  }
  const waiting = record.threads.map((): FlightEvent[] => []);
  const places = new Map(record.threads.map(({ thread }, index) => [thread, index]));
  for (const event of mergedEvents(record, choice)) {
    const group = waiting[places.get(event.thread) ?? 0] as FlightEvent[];
    if (group.length > 0 && (group[0] as FlightEvent).timeMs !== event.timeMs) yield* spread(pid, group.splice(0), event.timeMs, event);
    group.push(event);
  }
  for (const group of waiting) if (group.length > 0) yield* spread(pid, group, record.clockMs, undefined);
}

/** The JSON of a whole trace, in pieces. */
export function* chromeTraceJson(record: FlightRecord, choice: EventChoice = {}): IterableIterator<string> {
  let before = '{"displayTimeUnit":"ns","traceEvents":[\n';
  for (const event of chromeTrace(record, choice)) {
    yield before + JSON.stringify(event);
    before = ',\n';
  }
  yield '\n]}\n';
}

/** @param group events of one thread with the same time; `next` is the one behind them */
function* spread(pid: number, group: readonly FlightEvent[], untilMs: number, next: FlightEvent | undefined): IterableIterator<TraceEvent> {
  const weights = group.map((event) => (event.type === 'messages' ? Math.max(1, event.count ?? 1) : 0));
  const messages = weights.reduce((sum, weight) => sum + weight, 0);
  const fromUs = (group[0] as FlightEvent).timeMs * 1000;
  const roomUs = Math.max(0, untilMs * 1000 - fromUs);
  // How long they took is known where the next event says so; and one that was being handled at the end has run until then.
  const isRunning = next === undefined && group.some((event) => event.type === 'messages' && event.count === undefined);
  const usedUs = next?.type === 'long' || isRunning ? roomUs : Math.min(roomUs, messages * MESSAGE_US_MAX, GROUP_US_MAX);
  let ts = fromUs;
  for (const [index, event] of group.entries()) {
    const dur = messages === 0 ? 0 : (usedUs * (weights[index] as number)) / messages;
    yield event.type === 'messages' ? slice(pid, event, ts, dur) : mark(pid, event, ts);
    ts += dur;
  }
}

function slice(pid: number, event: FlightEvent, ts: number, dur: number): TraceEvent {
  const { agent, action, count, sender } = event;
  const args = { id: agent?.id, slot: agent?.slot, generation: agent?.generation, messages: count ?? 'running', sender: sender?.id ?? sender?.slot };
  return { name: `${agent?.kind ?? 'unknown'}.${action ?? 'unknown'}`, cat: 'messages', ph: 'X', ts, dur, pid, tid: event.thread, args };
}

function mark(pid: number, event: FlightEvent, ts: number): TraceEvent {
  const { agent, action, count } = event;
  const args = { what: whatHappened(event), id: agent?.id, kind: agent?.kind, action, count };
  return { name: event.type, cat: 'events', ph: 'i', s: 't', ts, pid, tid: event.thread, args };
}
