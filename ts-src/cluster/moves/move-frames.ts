/** What nodes say to each other when an agent moves: the values that go over `Channel.moves`. Each is an array whose first element says what it is; what a newer version adds at the end is not looked at. */
import type { AgentBaggage } from '../../runtime/remote/agent-baggage.js';
import { checkedBaggage } from '../../runtime/remote/node-arrivals.js';

const Frame = { prepare: 0, prepared: 1, cancel: 2, arrived: 4 } as const;

export type MoveMessage =
  /** Keep this agent ready: you may be told that you have it. `number` is of the sender. */
  | {
      readonly type: 'prepare';
      readonly number: number;
      readonly id: string;
      readonly kind: string;
      readonly life: number;
      readonly token: number;
      readonly baggage: AgentBaggage;
    }
  | { readonly type: 'prepared'; readonly number: number; readonly refusal: string | undefined }
  /** It stays where it is. */
  | { readonly type: 'cancel'; readonly id: string; readonly token: number }
  /** The agent that was handed over handles messages here, or has been lost on the way. */
  | { readonly type: 'arrived'; readonly id: string; readonly life: number; readonly isHere: boolean };

export function framed(message: MoveMessage): readonly unknown[] {
  switch (message.type) {
    case 'prepare':
      return [Frame.prepare, message.number, message.id, message.kind, message.life, message.token, message.baggage];
    case 'prepared':
      return [Frame.prepared, message.number, message.refusal ?? null];
    case 'cancel':
      return [Frame.cancel, message.id, message.token];
    case 'arrived':
      return [Frame.arrived, message.id, message.life, message.isHere];
  }
}

/** Undefined for what is none. */
export function unframed(value: unknown): MoveMessage | undefined {
  if (!Array.isArray(value)) return undefined;
  const [type, first, second, third, life, token, baggage] = value as unknown[];
  switch (type) {
    case Frame.prepare:
      if (!isCount(first) || !isText(second) || !isText(third) || !Number.isSafeInteger(life) || !isCount(token)) return undefined;
      try {
        return { type: 'prepare', number: first, id: second, kind: third, life: life as number, token, baggage: checkedBaggage(baggage) };
      } catch {
        return undefined;
      }
    case Frame.prepared:
      return isCount(first) && (second === null || isText(second)) ? { type: 'prepared', number: first, refusal: second ?? undefined } : undefined;
    case Frame.cancel:
      return isText(first) && isCount(second) ? { type: 'cancel', id: first, token: second } : undefined;
    case Frame.arrived:
      if (!isText(first) || !Number.isSafeInteger(second) || typeof third !== 'boolean') return undefined;
      return { type: 'arrived', id: first, life: second as number, isHere: third };
    default:
      return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 1024;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
