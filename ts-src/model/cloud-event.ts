/**
 * Signals as CloudEvents 1.0 (https://github.com/cloudevents/spec, JSON event format), for whatever is outside of the nexus: values only, no transport. The topic
 * is the `type`; attributes that a signal has no field for are kept in its `attributes`, so that an event that comes in and goes out again is the same.
 */
import { NexusTypeError, optionError, valueText } from '../errors.js';
import { agentPath } from './agent-path.js';
import { checkNames } from './nearest-name.js';
import { ATTRIBUTES_MAX, attributeFault, type PublishOptions, type Signal, SIGNAL_ID_CHARACTERS_MAX } from './signal.js';
import { topicFault } from './topic.js';

/** In the JSON format. Every further member is an extension attribute. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

/** What `nexus.publish` takes, in the order of its parameters. */
export interface PublishedEvent {
  readonly topic: string;
  readonly data: unknown;
  readonly options: PublishOptions;
}

/** Options of `toCloudEvent`. */
export interface CloudEventOptions {
  /** What comes before the path of the agent in `source`: a URI without a slash at its end, such as `https://example.com`. Default none. */
  readonly source?: string;
}

const JSON_TYPE = 'application/json';
const URI_REFERENCE = /^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9a-fA-F]{2})+$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;.*)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * A signal as an event: bytes as `data_base64`, anything else as `data`, which is JSON only if the data are. The source is the one the signal came with, or the path
 * of its agent in the gateway (`/agents/:id`), or `/`.
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function toCloudEvent(signal: Signal, options: CloudEventOptions = {}): CloudEvent {
  checkNames('toCloudEvent', options, ['source']);
  const { source: base = '' } = options;
  if (typeof base !== 'string' || (base !== '' && !URI_REFERENCE.test(base))) throw optionError('source', `${valueText(base)} is not a URI`);
  if (typeof signal !== 'object' || signal === null || topicFault(signal.topic) !== undefined || Number.isNaN(new Date(signal.epochMs).getTime()))
    throw optionError('signal', 'must be a signal, as subscribers get it: with id, topic and epochMs');
  const { id, topic, data, source, epochMs, attributes } = signal;
  const event: Record<string, unknown> = {
    specversion: '1.0',
    id,
    source: source === undefined ? base || '/' : agentPath(`${base}/agents/`, source.id),
    type: topic,
    time: new Date(epochMs).toISOString(),
    ...attributes,
  };
  if (data instanceof Uint8Array) event['data_base64'] = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  else if (data !== undefined) {
    event['datacontenttype'] ??= JSON_TYPE;
    event['data'] = data;
  }
  return event as unknown as CloudEvent;
}

/**
 * What an event says, for `nexus.publish`. Attributes that are null count as absent. Unknown names are extensions.
 * @throws NexusTypeError NEXUS_EVENT_INVALID, which names the attribute
 */
export function fromCloudEvent(value: unknown): PublishedEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`must be an object, not ${Array.isArray(value) ? 'an array' : value === null ? 'null' : typeof value}`);
  const event = Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined)) as Record<string, unknown>;
  const { specversion, id, type, time, data, data_base64: base64, ...attributes } = event;
  if (specversion === undefined) throw invalid("needs 'specversion'", 'specversion');
  if (specversion !== '1.0') throw invalid(`has specversion '${String(specversion).slice(0, 20)}'; only 1.0 is known`, 'specversion');
  text('id', id, SIGNAL_ID_CHARACTERS_MAX);
  text('source', attributes['source']);
  text('type', type);
  const fault = topicFault(type);
  if (fault !== undefined) throw invalid(`has a type that is no topic: ${fault}`, 'type');
  checkAttributes(attributes);
  return {
    topic: type as string,
    data: dataOf(data, base64, Object.hasOwn(value, 'data')),
    options: { id: id as string, ...timeOf(time), attributes: attributes as never },
  };
}

function checkAttributes(attributes: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(attributes);
  if (names.length > ATTRIBUTES_MAX) throw invalid(`has ${names.length} attributes beside id, type and time; the most is ${ATTRIBUTES_MAX}`);
  for (const name of names) {
    const attribute = attributes[name];
    const fault = attributeFault(name, attribute);
    if (fault !== undefined) throw invalid(`has an attribute that is not usable: ${fault}`, name);
    if (typeof attribute === 'number' && !(Number.isInteger(attribute) && Math.abs(attribute) <= 2 ** 31))
      throw invalid(`has '${name}' with ${attribute}, which is not a 32-bit integer`, name);
  }
  const { source, subject, dataschema, datacontenttype } = attributes;
  if (!URI_REFERENCE.test(source as string)) throw invalid(`has a source that is not a URI reference: '${shown(source)}'`, 'source');
  if (subject !== undefined) text('subject', subject);
  if (dataschema !== undefined) {
    text('dataschema', dataschema);
    if (!URI_REFERENCE.test(dataschema as string) || !/^[a-z][a-z0-9+.-]*:/i.test(dataschema as string))
      throw invalid(`has a dataschema that is not a URI: '${shown(dataschema)}'`, 'dataschema');
  }
  if (datacontenttype !== undefined) {
    text('datacontenttype', datacontenttype);
    if (!MEDIA_TYPE.test(datacontenttype as string))
      throw invalid(`has a datacontenttype that is not a media type: '${shown(datacontenttype)}'`, 'datacontenttype');
  }
}

function dataOf(data: unknown, base64: unknown, hasData: boolean): unknown {
  // JSON data may be null, unlike an attribute.
  if (base64 === undefined) return hasData && data === undefined ? null : data;
  if (hasData) throw invalid("has both 'data' and 'data_base64'", 'data_base64');
  if (typeof base64 !== 'string' || !BASE64.test(base64)) throw invalid("has a 'data_base64' that is not base64", 'data_base64');
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function timeOf(time: unknown): { readonly epochMs?: number } {
  if (time === undefined) return {};
  // A leap second is the second before it.
  const epochMs = typeof time === 'string' && TIME.test(time) ? Date.parse(time.replace(/:60(?=[.Zz+-])/, ':59').toUpperCase()) : Number.NaN;
  if (Number.isNaN(epochMs)) throw invalid(`has a time that is not a timestamp of RFC 3339: '${shown(time)}'`, 'time');
  return { epochMs };
}

function text(name: string, value: unknown, charactersMax?: number): void {
  if (value === undefined) throw invalid(`needs '${name}'`, name);
  if (typeof value !== 'string' || value.length === 0) throw invalid(`has '${name}', which must be a non-empty string`, name);
  if (charactersMax !== undefined && value.length > charactersMax)
    throw invalid(`has '${name}' with ${value.length} characters; the most is ${charactersMax}`, name);
}

function shown(value: unknown): string {
  return String(value).slice(0, 100);
}

function invalid(message: string, attribute?: string): NexusTypeError {
  return new NexusTypeError('NEXUS_EVENT_INVALID', `the CloudEvent ${message}`, attribute === undefined ? undefined : { attribute });
}
