/**
 * Asks the console of a gateway, and says in words what is wrong when it does not answer as one: nobody listens, somebody else does, the console is switched off, an agent is not there.
 * Not the streams: those are `console-stream.ts`, which uses the same words.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ConsoleSnapshot } from '../console/protocol.js';
import { CommandFailure } from './command-failure.js';
import type { ConsoleAddress } from './console-address.js';
import { harmless } from './terminal-text.js';

/** Time for an answer. A first snapshot takes one period of measuring. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A snapshot has limits of its own, far below. */
export const ANSWER_BYTES_MAX = 16 * 2 ** 20;

export interface Refusal {
  readonly status: number;
  /** Undefined where the answer is not an error of a gateway. */
  readonly code: string | undefined;
  readonly message: string;
}

/** The gateway answered with an error. Its message is what a user reads. */
export class ConsoleRefusal extends CommandFailure {
  readonly refusal: Refusal;

  constructor(message: string, refusal: Refusal) {
    super(message);
    this.refusal = refusal;
  }
}

/** The JSON at a path below the URL. @throws CommandFailure with what the user is to read */
export async function askConsole(address: ConsoleAddress, path: string, timeoutMs = REQUEST_TIMEOUT_MS, method: 'GET' | 'POST' = 'GET'): Promise<unknown> {
  const { status, text } = await request(`${address.url}${path}`, headersOf(address), timeoutMs, method).catch((error: unknown) => {
    throw new CommandFailure(unreachableText(address.url, error));
  });
  const value = parsed(text);
  if ((status === 200 || status === 202) && value !== undefined) return value;
  throw refusalOf(address, status, text);
}

/** What the gateway said instead of what was asked, as an error for the user. @param text the body */
export function refusalOf({ url }: ConsoleAddress, status: number, text: string): ConsoleRefusal {
  const refusal = gatewayError(status, text);
  const say = (message: string): ConsoleRefusal => new ConsoleRefusal(message, refusal);
  if (refusal.code === 'GATEWAY_ROUTE_UNKNOWN')
    return say(`the gateway at ${url} has no console: it is switched off there (console: false, or nexus run --no-console), or is of a version before it`);
  if (refusal.code === undefined && (status === 401 || status === 403))
    return say(`what answers at ${url} asks for a token (HTTP status ${status}): set NEXUS_CONSOLE_TOKEN, or give another`);
  if (refusal.code === undefined && status >= 502 && status <= 504)
    return say(`what answers at ${url} has no service behind it at the moment (HTTP status ${status}), as a proxy says it`);
  if (refusal.code === undefined) return say(`what answers at ${url} is no gateway of Nexus (HTTP status ${status}); name another with --url or NEXUS_URL`);
  return say(`the gateway at ${url} refused: ${harmless(refusal.message)} (${harmless(refusal.code)})`);
}

/** A snapshot, as far as can be told at its surface. @throws CommandFailure if it is none */
export function readSnapshot(value: unknown): ConsoleSnapshot {
  const lists = ['threads', 'kinds', 'actions', 'flows', 'mailboxes'];
  const objects = ['process', 'agents', 'messages', 'deadLetters', 'restarts', 'durations'];
  const isObject = (each: unknown): each is Record<string, unknown> => typeof each === 'object' && each !== null && !Array.isArray(each);
  const isListOfObjects = (each: unknown): boolean => Array.isArray(each) && each.every(isObject);
  const isCluster = (each: unknown): boolean =>
    isObject(each) && isObject(each['self']) && isListOfObjects(each['members']) && isListOfObjects(each['links']) && Array.isArray(each['partitions']);
  const wrong = !isObject(value)
    ? 'it is no object'
    : (lists.find((name) => !isListOfObjects(value[name])) ??
      objects.find((name) => !isObject(value[name])) ??
      (value['cluster'] === undefined || isCluster(value['cluster']) ? undefined : 'cluster'));
  if (wrong === undefined) return value as unknown as ConsoleSnapshot;
  throw new CommandFailure(
    `what the gateway sent is not a snapshot that this version reads (${wrong}): use the nexus command of the version that the service runs`,
  );
}

export function headersOf({ token }: ConsoleAddress): Record<string, string> {
  return { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
}

/** Why no answer came at all. */
export function unreachableText(url: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // Of a name with several addresses each has failed; the message of the whole is empty.
  const codes = error instanceof AggregateError ? error.errors.map((each) => (each as NodeJS.ErrnoException).code) : [code];
  if (codes.includes('ECONNREFUSED')) return `nothing listens at ${url}: start a service (nexus run MODULE), or name where it is with --url or NEXUS_URL`;
  if (codes.includes('ENOTFOUND') || codes.includes('EAI_AGAIN')) return `there is no address for the host of ${url}`;
  if (codes.includes('NEXUS_TIMEOUT')) return `${url} did not answer in time: ${message}`;
  if (codes.includes('ECONNRESET') || codes.some((each) => each?.startsWith('HPE_')))
    return `what listens at ${url} is no gateway of Nexus: it does not speak HTTP (${codes[0]})`;
  return `${url} cannot be reached: ${harmless(message || String(codes[0]))}`;
}

function request(url: string, headers: Record<string, string>, timeoutMs: number, method: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const make = url.startsWith('https:') ? httpsRequest : httpRequest;
    const sent = make(url, { method, headers, agent: false }, (answer) => {
      bodyOf(answer).then((text) => {
        clearTimeout(timer);
        resolve({ status: answer.statusCode ?? 0, text });
      }, reject);
    });
    const timer = setTimeout(() => sent.destroy(Object.assign(new Error(`nothing for ${timeoutMs / 1000} s`), { code: 'NEXUS_TIMEOUT' })), timeoutMs);
    sent.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end();
  });
}

/** The whole body as text. @throws if it is over the limit or cut off */
export async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function gatewayError(status: number, text: string): Refusal {
  const error = (parsed(text) as { error?: { code?: unknown; message?: unknown } } | null | undefined)?.error;
  const isOurs = typeof error?.code === 'string' && typeof error.message === 'string';
  return { status, code: isOurs ? String(error.code) : undefined, message: isOurs ? String(error.message) : '' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
