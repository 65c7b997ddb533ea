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

/** How far a signal goes: to all nodes of the cluster, or only to the threads of the node that it is published on. */
export type SignalScope = 'cluster' | 'node';

export const SIGNAL_SCOPES: readonly SignalScope[] = ['cluster', 'node'];

/** What `ctx.emit` takes beside topic and data. */
export interface EmitOptions {
  /** Default: that of the topic, which is `cluster` unless told. */
  readonly scope?: SignalScope;
}

/** What `nexus.publish` takes beside topic and data. */
export interface PublishOptions extends EmitOptions {
  /** 1 to 1,024 characters. Default: a new one. */
  readonly id?: string;
  /** Default: now. */
  readonly epochMs?: number;
  /** At most 64, named as CloudEvents names them: 1 to 64 lower-case letters and digits; at most 4,096 characters each. */
  readonly attributes?: SignalAttributes;
}

export const SIGNAL_ID_CHARACTERS_MAX = 1024;
export const ATTRIBUTES_MAX = 64;
const ATTRIBUTE_CHARACTERS_MAX = 4096;

/** What is wrong with one attribute, as a sentence; undefined if nothing is. */
export function attributeFault(name: string, value: unknown): string | undefined {
  if (!/^[a-z0-9]{1,64}$/.test(name)) return `the name '${name.slice(0, 100)}' must be 1 to 64 lower-case letters and digits`;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return `'${name}' must be a string, a number or a boolean, not ${typeof value}`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `'${name}' is ${value}`;
  return String(value).length > ATTRIBUTE_CHARACTERS_MAX ? `'${name}' has more than ${ATTRIBUTE_CHARACTERS_MAX} characters` : undefined;
}
