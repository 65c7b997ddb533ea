/**
 * The routes for signals: CloudEvents in, by the HTTP protocol binding of CloudEvents 1.0 (structured, batched and binary), and out as server-sent events
 * (`signal-stream.ts`).
 */
import { NexusError, quoted, valueText } from '../errors.js';
import { fromCloudEvent, type PublishedEvent } from '../model/cloud-event.js';
import { patternFault } from '../model/topic.js';
import type { Nexus } from '../nexus.js';
import { type Answer, jsonAnswer, type StreamAnswer } from './answer.js';
import type { GatewayRequest, Serve } from './exchange.js';
import { GatewayError } from './gateway-error.js';
import { parseQuery } from './query.js';
import { jsonOf } from './request-body.js';
import type { Route } from './router.js';
import type { SignalStreams } from './signal-stream.js';

/** Events in one batch. */
const BATCH_EVENTS_MAX = 1000;
const STRUCTURED = 'application/cloudevents+json';
const BATCHED = 'application/cloudevents-batch+json';
const JSON_TYPE = /^application\/(?:json|[\w.!#$&^+-]+\+json)$/i;
const HEADER = /^ce-(.+)$/;

export function signalRoutes(nexus: Pick<Nexus, 'isStopping' | 'publish'>, streams: SignalStreams): readonly Route<Serve>[] {
  const checkRunning = (): void => {
    if (nexus.isStopping) throw new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped: send it to another instance');
  };
  return [
    {
      pattern: '/signals',
      methods: {
        async POST(request) {
          checkRunning();
          parseQuery(request.search, []);
          const events = await eventsOf(request);
          checkRunning();
          // All are known to be good before the first is published.
          for (const { topic, data, options } of events) nexus.publish(topic, data, options);
          return jsonAnswer(202, { published: events.length });
        },
        GET(request) {
          checkRunning();
          return stream(request, streams);
        },
      },
      always: false,
    },
  ];
}

function stream({ search }: GatewayRequest, streams: SignalStreams): Answer | StreamAnswer {
  const { pattern = '>' } = parseQuery(search, ['pattern']);
  const fault = patternFault(pattern);
  if (fault !== undefined) throw new GatewayError('GATEWAY_QUERY_INVALID', 422, `pattern ${fault}`, { data: { name: 'pattern' } });
  return { status: 200, contentType: 'text/event-stream; charset=utf-8', begin: streams.admit(pattern) };
}

async function eventsOf(request: GatewayRequest): Promise<readonly PublishedEvent[]> {
  const contentType = request.headers['content-type'];
  const type = mediaType(contentType);
  if (type === STRUCTURED || type === BATCHED) {
    checkCharset(contentType as string);
    const body = await request.body();
    if (type === STRUCTURED) return [fromCloudEvent(body)];
    if (!Array.isArray(body)) throw new GatewayError('GATEWAY_BODY_INVALID', 422, `a batch is an array of CloudEvents, not ${valueText(body)}`);
    if (body.length > BATCH_EVENTS_MAX)
      throw new GatewayError('GATEWAY_BODY_INVALID', 422, `the batch has ${body.length} events; the most is ${BATCH_EVENTS_MAX}: send several batches`, {
        data: { eventsMax: BATCH_EVENTS_MAX },
      });
    return body.map((event, index) => inBatch(event, index));
  }
  if (request.headers['ce-specversion'] === undefined) {
    throw new GatewayError(
      'GATEWAY_CONTENT_TYPE',
      415,
      `content-type '${contentType ?? ''}' without the header ce-specversion is no CloudEvent; send ${STRUCTURED}, ${BATCHED}, or any type with the headers ce-specversion, ce-id, ce-source and ce-type`,
      { headers: { accept: `${STRUCTURED}, ${BATCHED}` } },
    );
  }
  return [await binaryEvent(request, type, contentType)];
}

function inBatch(event: unknown, index: number): PublishedEvent {
  try {
    return fromCloudEvent(event);
  } catch (cause) {
    const { code, message } = cause as NexusError;
    throw new NexusError(code, `event ${index} of the batch: ${message}`, { cause, data: { ...(cause as NexusError).data, index } });
  }
}

/** Binary mode: attributes are headers, percent-encoded where they are not printable ASCII, and the body is the data. */
async function binaryEvent(request: GatewayRequest, type: string | undefined, contentType: string | undefined): Promise<PublishedEvent> {
  const attributes: Record<string, unknown> = {};
  for (const [header, value] of Object.entries(request.headers)) {
    const name = HEADER.exec(header)?.[1];
    if (name === undefined) continue;
    if (name === 'data' || name === 'data_base64' || name === 'datacontenttype')
      throw new GatewayError(
        'GATEWAY_REQUEST_INVALID',
        400,
        `the header '${header}' is not one of a CloudEvent: the body has the data, and content-type their type`,
      );
    attributes[name] = decoded(header, String(value));
  }
  if (contentType !== undefined) attributes['datacontenttype'] = contentType;
  // Before the body is read.
  const { topic, options } = fromCloudEvent(attributes);
  const bytes = await request.bytes();
  if (bytes === undefined) return { topic, data: undefined, options };
  if (type === undefined || JSON_TYPE.test(type)) return { topic, data: jsonOf(bytes), options };
  return { topic, data: /^text\//i.test(type) ? textOf(bytes) : new Uint8Array(bytes), options };
}

function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase();
}

function checkCharset(contentType: string): void {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new GatewayError('GATEWAY_CONTENT_TYPE', 415, `content-type ${quoted(String(contentType))} is not taken; send UTF-8`);
}

function decoded(header: string, value: string): string {
  try {
    return decodeURIComponent(value.replace(/^"(.*)"$/, '$1').replace(/%(?![0-9a-fA-F]{2})/g, '%25'));
  } catch (cause) {
    throw new GatewayError('GATEWAY_REQUEST_INVALID', 400, `the header '${header}' is not percent-encoded UTF-8`, { cause });
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('GATEWAY_BODY_INVALID', 422, 'the body is not UTF-8; send data of another form as base64 in data_base64', { cause });
  }
}
