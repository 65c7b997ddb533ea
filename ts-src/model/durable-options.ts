/**
 * What a definition says about durable state: when it is saved, its version, how events change it, and when it may leave memory. Types, defaults and limits; who carries
 * it out is `runtime/durable/`.
 */
import { NexusTypeError, valueText } from '../errors.js';
import { unknownField } from './nearest-name.js';

/** `behind`: soon after, in the background. `through`: before the reply is given. */
export type DurableWrites = 'behind' | 'through';
/** For one action: `none` says that it changes nothing. */
export type ActionWrites = DurableWrites | 'none';

/** The field `durable` of a definition: how its state is kept beyond the process. */
export interface DurableOptions<S> {
  /** Default `behind`. */
  readonly writes?: DurableWrites;
  /** With `behind`: a crash loses at most the changes that an agent made within this time. Default 100; 2 to 3,600,000. */
  readonly lossMaxMs?: number;
  /** Version of the form of the state. Raise it when the form changes. Default 1; 1 to 4,294,967,295. */
  readonly schemaVersion?: number;
  /** Makes a state of this version from one of an older version. Needed once a state of an older version is met. Synchronous. */
  // biome-ignore lint/suspicious/noExplicitAny: the form of old versions is known to the function only
  readonly upgrade?: (state: any, fromVersion: number) => S;
  /** Makes the change that an event stands for: in `state` itself, or in the state it returns. With it the state changes by `ctx.record` only. Synchronous, and the same for the same event. */
  // biome-ignore lint/suspicious/noExplicitAny: events are whatever the function takes
  // biome-ignore lint/suspicious/noConfusingVoidType: it is the return type of a function
  readonly apply?: (state: S, event: any) => S | void;
  /** With `apply`: events from one snapshot of the state to the next. Default 100; 1 to 1,000,000. */
  readonly snapshotEvery?: number;
  /** Without messages for this long the agent leaves memory, and returns with the next one. Default: never; 10 to 2,147,483,647. */
  readonly passivateAfterMs?: number;
}

export interface ResolvedDurable {
  readonly writes: DurableWrites;
  readonly lossMaxMs: number;
  readonly schemaVersion: number;
  readonly upgrade: ((state: unknown, fromVersion: number) => unknown) | undefined;
  readonly apply: ((state: unknown, event: unknown) => unknown) | undefined;
  readonly snapshotEvery: number;
  /** Infinity for never. */
  readonly passivateAfterMs: number;
}

const FIELDS = ['writes', 'lossMaxMs', 'schemaVersion', 'upgrade', 'apply', 'snapshotEvery', 'passivateAfterMs'];

export function resolveDurable(options: DurableOptions<unknown>): ResolvedDurable {
  const { writes = 'behind', lossMaxMs = 100, schemaVersion = 1, upgrade, apply, snapshotEvery = 100, passivateAfterMs = Number.POSITIVE_INFINITY } = options;
  return { writes, lossMaxMs, schemaVersion, upgrade, apply, snapshotEvery, passivateAfterMs };
}

/** @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function checkDurable(kind: string, durable: DurableOptions<unknown> | undefined): void {
  if (durable === undefined) return;
  if (typeof durable !== 'object' || durable === null || Array.isArray(durable))
    throw invalid(`durable of '${kind}' must be an object, such as { writes: 'behind' }`);
  for (const name of Object.keys(durable)) {
    if (!FIELDS.includes(name)) throw unknownField('defineAgent', `durable of '${kind}'`, name, FIELDS);
  }
  const { writes, upgrade, apply } = durable;
  if (writes !== undefined && writes !== 'behind' && writes !== 'through')
    throw invalid(`durable.writes of '${kind}' is ${valueText(writes)}; it must be behind or through`);
  for (const [name, value] of Object.entries({ upgrade, apply }))
    if (value !== undefined && typeof value !== 'function') throw invalid(`durable.${name} of '${kind}' must be a function`);
  range(kind, 'lossMaxMs', durable.lossMaxMs, 2, 3_600_000, false);
  range(kind, 'schemaVersion', durable.schemaVersion, 1, 4_294_967_295, true);
  range(kind, 'snapshotEvery', durable.snapshotEvery, 1, 1_000_000, true);
  range(kind, 'passivateAfterMs', durable.passivateAfterMs, 10, 2_147_483_647, false);
  if (apply === undefined && durable.snapshotEvery !== undefined)
    throw invalid(`durable.snapshotEvery of '${kind}' counts events, and there are none without durable.apply`);
}

/** @throws NexusTypeError NEXUS_DEFINITION_INVALID */
export function checkActionWrites(kind: string, action: string, writes: ActionWrites | undefined, isDurable: boolean): void {
  if (writes === undefined) return;
  if (!isDurable) throw invalid(`action '${action}' of '${kind}' says durable, but the kind does not: add durable: {} to its definition`);
  if (writes !== 'behind' && writes !== 'through' && writes !== 'none')
    throw invalid(`durable of action '${action}' of '${kind}' is ${valueText(writes)}; it must be behind, through or none`);
}

function range(kind: string, name: string, value: number | undefined, min: number, max: number, isWhole: boolean): void {
  if (value === undefined || (typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isInteger(value)))) return;
  throw invalid(`durable.${name} of '${kind}' is ${valueText(value)}; it must be ${isWhole ? 'a whole number ' : ''}from ${min} to ${max}`);
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineAgent: ${message}`);
}
