/** Two sessions over nothing: what one has to say is given to the other when the test says so. Time is a number. */
import { MessageCodec } from '../../../../dist/ts-src/protocols/wire/message-codec.js';
import { ReassemblyBudget } from '../../../../dist/ts-src/protocols/wire/reassembly-budget.js';
import { Session } from '../../../../dist/ts-src/protocols/wire/session.js';
import type {
  ReceivedMessage,
  SessionEnd,
  SessionEvents,
  SessionOptions,
  SessionPeer,
  SessionStart,
} from '../../../../dist/ts-src/protocols/wire/session-events.js';
import { type SessionLimits, sessionLimits } from '../../../../dist/ts-src/protocols/wire/wire-limits.js';

export interface Side {
  readonly name: string;
  readonly session: Session;
  readonly codec: MessageCodec;
  readonly budget: ReassemblyBudget;
  readonly opened: SessionPeer[];
  readonly messages: ReceivedMessage[];
  readonly datagrams: Uint8Array[];
  readonly refused: Error[];
  readonly drained: string[];
  readonly ends: SessionEnd[];
}

export interface SideOptions extends Partial<Omit<SessionOptions, 'limits'>> {
  readonly limits?: Partial<SessionLimits>;
  readonly on?: Partial<SessionEvents>;
}

/** A class of its own, as references to agents are. */
export class AgentStandIn {
  readonly id = 'agent-1';
}

export function sideOf(name: string, { limits = {}, on = {}, ...options }: SideOptions = {}): Side {
  const codec = options.codec ?? new MessageCodec({ isReference: (value) => value instanceof AgentStandIn });
  const budget = options.budget ?? new ReassemblyBudget();
  const seen = { opened: [], messages: [], datagrams: [], refused: [], drained: [], ends: [] } as Pick<
    Side,
    'opened' | 'messages' | 'datagrams' | 'refused' | 'drained' | 'ends'
  >;
  const session = new Session(
    {
      purpose: 'data',
      self: { name, incarnation: 1 },
      address: { host: '127.0.0.1', port: 7400 },
      cluster: 'test',
      accept: () => undefined,
      ...options,
      codec,
      budget,
      limits: sessionLimits(options.purpose ?? 'data', limits),
    },
    {
      opened: (peer) => (seen.opened.push(peer), on.opened?.(peer)),
      message: (message) => (seen.messages.push(message), on.message?.(message)),
      datagram: (bytes) => (seen.datagrams.push(bytes.slice()), on.datagram?.(bytes)),
      refused: (error) => (seen.refused.push(error), on.refused?.(error)),
      drained: (lane) => (seen.drained.push(lane), on.drained?.(lane)),
      closed: (end) => (seen.ends.push(end), on.closed?.(end)),
      // Whether it is there is told to the other side.
      ...(on.superseded === undefined ? {} : { superseded: on.superseded }),
    },
  );
  return { name, session, codec, budget, ...seen };
}

export function nonceOf(seed: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => (seed * 31 + index * 7) & 255);
}

export function start(dialler: Side, acceptor: Side, nowMs = 0, more: Partial<SessionStart> = {}): void {
  dialler.session.start({ role: 'dialler', nonce: nonceOf(1), certifiedNames: undefined, ...more }, nowMs);
  acceptor.session.start({ role: 'acceptor', nonce: nonceOf(2), certifiedNames: undefined }, nowMs);
}

/** All that `from` has to say now, to `to`. Returns the frames. */
export function pass(from: Side, to: Side, nowMs = 0): Uint8Array[] {
  const frames = framesOf(from, nowMs);
  for (const frame of frames) to.session.received(frame, nowMs);
  return frames;
}

export function framesOf(side: Side, nowMs = 0): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = side.session.nextFrame(nowMs); frame !== undefined; frame = side.session.nextFrame(nowMs)) frames.push(frame);
  return frames;
}

/** Back and forth until both are silent. */
export function settle(a: Side, b: Side, nowMs = 0): void {
  for (let round = 0; round < 100_000; round++) if (pass(a, b, nowMs).length + pass(b, a, nowMs).length === 0) return;
  throw new Error('the two never come to an end');
}

/** Two that are open. */
export function openPair(a: SideOptions = {}, b: SideOptions = {}): { readonly a: Side; readonly b: Side } {
  const pair = { a: sideOf('a', a), b: sideOf('b', b) };
  start(pair.a, pair.b);
  settle(pair.a, pair.b);
  if (!pair.a.session.isOpen || !pair.b.session.isOpen) throw new Error(`not open: ${pair.a.ends[0]?.error} ${pair.b.ends[0]?.error}`);
  return pair;
}
