/** What an agent did, as data: what `testAgent` shows. */
import type { AnyAgent, StopReason } from '../model/agent-definition.js';
import type { AgentRef, TellOutcome } from '../model/agent-ref.js';

/** An ask of the agent. It waits until the test answers, or its time has passed on the manual clock. */
export interface Asked {
  readonly type: 'asked';
  readonly to: AgentRef;
  readonly action: string;
  readonly input: unknown;
  /** As the agent said; undefined if it did not. */
  readonly timeoutMs: number | undefined;
  readonly isAnswered: boolean;
  /** Answers it. Only the first answer counts. */
  reply(value?: unknown): void;
  /** Rejects it. */
  fail(error: unknown): void;
}

/** The agent under test has spawned another one; a stub stands for that. */
export interface Spawned {
  readonly type: 'spawned';
  readonly way: 'spawn' | 'getOrSpawn';
  readonly kind: string;
  /** Undefined if the agent did not choose one. */
  readonly id: string | undefined;
  readonly init: unknown;
}

/** What an agent under test has done, one by one and in order: a plain object with a `type`. */
export type Effect =
  /** With `ctx.tell`; or with a plain reference, which is seen when it arrives. */
  | { readonly type: 'told'; readonly to: AgentRef; readonly action: string; readonly input: unknown; readonly outcome: TellOutcome }
  /** With `ctx.send`. */
  | { readonly type: 'sent'; readonly id: string; readonly action: string; readonly input: unknown; readonly outcome: TellOutcome }
  | Asked
  | Spawned
  | { readonly type: 'emitted'; readonly topic: string; readonly data: unknown }
  | { readonly type: 'subscribed'; readonly pattern: string; readonly action: string }
  /** `action` is undefined for all that have this pattern. */
  | { readonly type: 'unsubscribed'; readonly pattern: string; readonly action: string | undefined }
  | { readonly type: 'watched'; readonly ref: AgentRef }
  | { readonly type: 'unwatched'; readonly ref: AgentRef }
  /** `periodMs` is 0 for `ctx.timers.after`. */
  | { readonly type: 'timerStarted'; readonly delayMs: number; readonly periodMs: number; readonly action: string; readonly input: unknown }
  | { readonly type: 'timerCancelled'; readonly action: string; readonly input: unknown }
  | { readonly type: 'logged'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly data: object; readonly message: string }
  /** To an ask of the test. */
  | { readonly type: 'replied'; readonly action: string; readonly value: unknown }
  | { readonly type: 'rejected'; readonly action: string; readonly error: unknown }
  /** A handler or hook failed; `action` is undefined for a hook. What supervision decided comes next: nothing (resume), `restarting`, `escalated`, `stopped`. */
  | { readonly type: 'failed'; readonly action: string | undefined; readonly error: unknown }
  | { readonly type: 'restarting'; readonly delayMs: number }
  | { readonly type: 'escalated'; readonly error: unknown }
  /** It called `ctx.stop`. */
  | { readonly type: 'stopRequested' }
  | { readonly type: 'stopped'; readonly reason: StopReason };

/** The effects of one type. */
export type EffectOf<T extends Effect['type']> = Extract<Effect, { readonly type: T }>;

/** Returned by `answers.ask`: the ask is left waiting. */
export const UNANSWERED: unique symbol = Symbol('unanswered');

/** How the world around the agent answers. Whatever is left out: asks wait, spawns succeed with a stub, nobody is found but stubs. */
export interface Answers {
  /** Its return value, or what its promise resolves with, is the reply; what it throws rejects the ask. */
  ask?(asked: Asked): unknown;
  /** What it throws rejects the spawn; else a stub is spawned. */
  spawn?(spawned: Spawned): void;
  /** Asked for an id that nobody has, of `ctx.find`, `findMany`, `getOrSpawn` and `send`: of the definition it returns there is a stub then. */
  find?(id: string): AnyAgent | undefined;
}
