/** What `nexus.observe` and `ctx.observe` take, and how names of meters are checked: they become labels of time series, so there may be few of them. */
import * as L from '../../layout/generated/layout.js';
import { optionError } from '../errors.js';
import { checkNames } from './nearest-name.js';
import { OTHER_NAME } from './operation-statistics.js';

/** Options of `observe`: the service level, and attributes for span and log line. */
export interface ObserveOptions {
  /** A call that takes longer violates its service level: it is counted and logged. More than 0, at most 86,400,000. Default: no such limit. */
  readonly slaMs?: number;
  /** Go to the span and the log line, not to the metrics: here, and nowhere else, is room for ids. At most 16. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/** What the function that is observed may know of it. */
export interface ObservedOperation {
  readonly name: string;
  /** On every line that is logged of this operation and of those within it: the id of the trace, where it is traced. */
  readonly correlationId: string;
}

const OPTIONS: readonly string[] = ['slaMs', 'attributes'];
const SLA_MS_MAX = 86_400_000;
const ATTRIBUTES_MAX = 16;

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkObserveOptions(options: ObserveOptions): void {
  checkNames('observe', options, OPTIONS);
  const { slaMs, attributes } = options;
  if (slaMs !== undefined && !(typeof slaMs === 'number' && slaMs > 0 && slaMs <= SLA_MS_MAX))
    throw optionError('slaMs', `is ${String(slaMs)}; it must be more than 0 and at most 86,400,000 milliseconds`);
  if (attributes === undefined) return;
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw optionError('attributes', 'must be an object of texts, numbers and booleans');
  const entries = Object.entries(attributes);
  if (entries.length > ATTRIBUTES_MAX) throw optionError('attributes', `has ${entries.length} entries; it may have at most ${ATTRIBUTES_MAX}`);
  for (const [name, value] of entries)
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw optionError(`attributes.${name}`, `must be a text, a number or a boolean, not ${typeof value}`);
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkMeterName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') throw optionError('name', `must be a text that is not empty, not ${name === '' ? 'an empty one' : typeof name}`);
  const encoded = new TextEncoder().encode(name);
  const bytes = encoded.length;
  if (bytes > L.METER_TEXT_BYTES_MAX)
    throw optionError('name', `has ${bytes} bytes; it may have at most ${L.METER_TEXT_BYTES_MAX}. Ids of what is worked on belong into attributes`);
  if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoded) !== name) throw optionError('name', 'holds half of a surrogate pair');
  if (name === OTHER_NAME) throw optionError('name', `'${OTHER_NAME}' is what names are counted under for which there is no room`);
}
