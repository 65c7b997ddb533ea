/** A signal as its subscribers get it, and what may be said about it when it is published. Plain data: it crosses threads, and may be sent on in a message. */
import type { AgentRef } from './agent-ref.js';
import type { Topic } from './topic.js';

/** Attributes of a CloudEvent beside id, type, time and data: `source`, `subject`, `dataschema`, `datacontenttype` and extensions. */
export type SignalAttributes = Readonly<Record<string, string | number | boolean>>;

/** What `ctx.emit` and `nexus.publish` make, and subscribers get. */
export interface Signal<T = unknown> {
  /** Unique among all signals of a nexus, unless its publisher gave it one. */
  readonly id: string;
  readonly topic: string;
  readonly data: T;
  /** The agent that emitted it, which may have ended since; undefined for one that was published from outside of agents. */
  readonly source: AgentRef | undefined;
  /** When it was emitted, in milliseconds since 1970. */
  readonly epochMs: number;
  /** What a CloudEvent said that a signal has no field for. */
  readonly attributes: SignalAttributes | undefined;
}

/** The signals of a typed topic. */
export type SignalOf<T extends Topic> = T extends Topic<infer D> ? Signal<D> : never;

/** What `nexus.publish` takes beside topic and data. */
export interface PublishOptions {
  /** 1 to 1,024 characters. Default: a new one. */
  readonly id?: string;
  /** Default: now. */
  readonly epochMs?: number;
  /** At most 64, named as CloudEvents names them: 1 to 20 lower-case letters and digits. */
  readonly attributes?: SignalAttributes;
}
