/**
 * A sensor that polls a URL. That the server does not answer is something the sensor has sensed, a signal like any other: the sensor itself goes on. It fails
 * only for mistakes of its own. What has not changed costs the server little: the request names what is known (`If-None-Match`, `If-Modified-Since`).
 */
import { createHash } from 'node:crypto';
import { nodeHttpClient } from '../adapters/node-sensing.js';
import { optionError, valueText } from '../errors.js';
import { defineSensor, type SensedSignal, type SensorDefinition } from '../model/define-sensor.js';
import { checkNames } from '../model/nearest-name.js';
import type { HttpAnswer, HttpClient } from '../ports/sensing.js';
import { NOTHING_POLLED, observePoll, type PollHistory } from './poll-changes.js';
import { merged, period, range, type SensorOptions, topicOf } from './sensor-options.js';

/** Options of `httpSensor`. */
export interface HttpSensorOptions extends SensorOptions {
  /** http or https. */
  readonly url: string;
  /**
   * Signals have a word appended: `.changed` `{ url, status, contentType, body }` when a 2xx answer has another body than the last, the first one included; `.status`
   * `{ url, status, before }` when the status is another one; `.failed` `{ url, message }` at the first poll without an answer, and `.recovered` `{ url }` after the last.
   */
  readonly topic: string;
  /** Time between two polls, 100 to 86,400,000. Default 60,000. */
  readonly periodMs?: number;
  /** Time to answer, 10 to 3,600,000. Default 10,000. */
  readonly timeoutMs?: number;
  /** Largest body, 0 to 1,073,741,824; a larger one is a failed poll. Default 1,048,576. */
  readonly bodyBytesMax?: number;
  /** Sent along, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: `fetch`. */
  readonly client?: HttpClient;
}

type Changeable = Pick<HttpSensorOptions, 'url' | 'topic' | 'periodMs' | 'timeoutMs' | 'bodyBytesMax' | 'headers'>;

const CHANGEABLE = ['url', 'topic', 'periodMs', 'timeoutMs', 'bodyBytesMax', 'headers'] as const;
const TEXT_TYPE = /^(?:text\/|application\/(?:json|xml|[\w.-]+\+(?:json|xml)))/i;

interface HttpState extends Required<Changeable> {
  history: PollHistory;
  /** Of the last 2xx answer. */
  conditions: Readonly<Record<string, string>>;
}

/** A sensor of what is at a URL: emits when content or status change, and when the server does not answer any more and does again. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_DEFINITION_INVALID */
export function httpSensor<const K extends string>(options: HttpSensorOptions & { readonly kind: K }): SensorDefinition<K, Partial<Changeable> | undefined> {
  checkNames('httpSensor', options, ['kind', 'supervision', 'scope', 'client', ...CHANGEABLE]);
  const { kind, supervision, scope, client = nodeHttpClient, ...changeable } = options;
  const resolved = resolve(changeable);
  return defineSensor({
    kind,
    ...(supervision === undefined ? {} : { supervision }),
    ...(scope === undefined ? {} : { scope }),
    state: (init: Partial<Changeable> | undefined): HttpState => ({
      ...resolve(merged('httpSensor', resolved, init, CHANGEABLE)),
      history: NOTHING_POLLED,
      conditions: {},
    }),
    periodMs: (state) => state.periodMs,
    async sense(state, ctx) {
      const { url, headers, timeoutMs, bodyBytesMax } = state;
      let answer: HttpAnswer;
      try {
        answer = await client.get({ url, headers: { ...headers, ...state.conditions }, timeoutMs, bodyBytesMax, signal: ctx.signal });
      } catch (error) {
        return [...signalsOf(state, observePoll(state.history, { type: 'failed' }), undefined, error)];
      }
      if (answer.status === 304) return [...signalsOf(state, observePoll(state.history, { type: 'unchanged' }), answer, undefined)];
      const digest = createHash('sha256').update(answer.body).digest('base64');
      return [...signalsOf(state, observePoll(state.history, { type: 'answered', status: answer.status, digest }), answer, undefined)];
    },
  });
}

/** Takes note of the outcome, and says what it is to others. */
function* signalsOf(
  state: HttpState,
  observed: ReturnType<typeof observePoll>,
  answer: HttpAnswer | undefined,
  error: unknown,
): IterableIterator<SensedSignal> {
  const { url, topic } = state;
  const before = state.history.status;
  state.history = observed.history;
  if (answer !== undefined && answer.status >= 200 && answer.status < 300) state.conditions = conditionsOf(answer);
  for (const event of observed.events) {
    switch (event) {
      case 'failed':
        yield { topic: `${topic}.failed`, data: { url, message: messageOf(error) } };
        break;
      case 'recovered':
        yield { topic: `${topic}.recovered`, data: { url } };
        break;
      case 'status':
        yield { topic: `${topic}.status`, data: { url, status: answer?.status, before } };
        break;
      case 'changed': {
        const { status, contentType, body } = answer as HttpAnswer;
        yield {
          topic: `${topic}.changed`,
          data: { url, status, contentType, body: TEXT_TYPE.test(contentType ?? '') ? new TextDecoder().decode(body) : body },
        };
      }
    }
  }
}

function conditionsOf({ etag, lastModified }: HttpAnswer): Readonly<Record<string, string>> {
  if (etag !== undefined) return { 'if-none-match': etag };
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified };
}

/** What `fetch` throws says only that it failed; why is in the cause. */
function messageOf(error: unknown): string {
  const { message, cause } = error as { readonly message?: unknown; readonly cause?: { readonly message?: unknown } };
  const why = cause?.message === undefined || cause.message === '' ? '' : `: ${String(cause.message)}`;
  return `${typeof message === 'string' ? message : String(error)}${why}`;
}

function resolve({ url, topic, periodMs, timeoutMs, bodyBytesMax, headers = {} }: Changeable): Required<Changeable> {
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw optionError('url', `${valueText(url)} is not a URL of http or https`);
  if (typeof headers !== 'object' || headers === null || Object.values(headers).some((value) => typeof value !== 'string'))
    throw optionError('headers', `must be an object of strings, not ${valueText(headers)}`);
  return {
    url,
    topic: topicOf(topic),
    periodMs: period(periodMs, 60_000, 100),
    timeoutMs: range('timeoutMs', timeoutMs, 10_000, 10, 3_600_000),
    bodyBytesMax: range('bodyBytesMax', bodyBytesMax, 1_048_576, 0, 1_073_741_824),
    headers,
  };
}
