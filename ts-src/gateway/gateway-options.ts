/** Options of `startGateway`: their types, defaults and limits, and the one place that checks them. */
import { standardErrorLogger } from '../adapters/standard-error-logger.js';
import { optionError, valueText } from '../errors.js';
import { type ConsoleOptions, type ResolvedConsoleOptions, resolveConsoleOptions } from '../console/console-options.js';
import type { Logger } from '../model/agent-context.js';
import { checkNames } from '../model/nearest-name.js';

/** What `startGateway` takes beside the nexus. A name that does not exist and a value outside of its limits are refused. */
export interface GatewayOptions {
  /** 0 to 65,535; 0 takes any free one. Default 8080. */
  readonly port?: number;
  /** Address or name to bind to. Default 127.0.0.1: nobody but this machine. */
  readonly host?: string;
  /** Names in a Host header that are served beside the bound address and localhost, for a proxy in front. Default none. */
  readonly hostsAllowed?: readonly string[];
  /** Largest body of a request, 0 to 1,073,741,824. Default 1,048,576. */
  readonly bodyBytesMax?: number;
  /** Time for a client to send the headers, 10 to 3,600,000. Default 10,000, or `requestTimeoutMs` if that is less. */
  readonly headersTimeoutMs?: number;
  /**
   * Time for a client to send a whole request, and longest pause while it takes its answer, 10 to 3,600,000. Default 30,000. How long an action may take is
   * the `askTimeoutMs` of the nexus.
   */
  readonly requestTimeoutMs?: number;
  /** Requests in flight, 1 to 1,000,000; one more is answered with 503. Default 1,000. */
  readonly requestsMax?: number;
  /** Streams of `GET /signals` at a time, 0 to 100,000; one more is answered with 503. They count as requests in flight too. Default 100. */
  readonly streamsMax?: number;
  /** Bytes that may wait for the client of a stream, 1,024 to 1,073,741,824; with more it ends. Default 1,048,576. */
  readonly streamBufferBytesMax?: number;
  /** The live page below `/console`, see docs/console.md. Default true: read-only; false: none. */
  readonly console?: boolean | ConsoleOptions;
  /** Told of mistakes in the gateway itself. Default: JSON lines on standard error. */
  readonly logger?: Logger;
}

export interface ResolvedGatewayOptions extends Required<Omit<GatewayOptions, 'console'>> {
  /** False for none. */
  readonly console: ResolvedConsoleOptions | false;
}

const NAMES: readonly (keyof GatewayOptions)[] = [
  'port',
  'host',
  'hostsAllowed',
  'bodyBytesMax',
  'headersTimeoutMs',
  'requestTimeoutMs',
  'requestsMax',
  'streamsMax',
  'streamBufferBytesMax',
  'console',
  'logger',
];

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, which name the option */
export function resolveGatewayOptions(options: GatewayOptions): ResolvedGatewayOptions {
  checkNames('startGateway', options, NAMES);
  const { host = '127.0.0.1', hostsAllowed = [], logger = standardErrorLogger } = options;
  if (typeof host !== 'string' || host.length === 0) throw optionError('host', `is ${valueText(host)}; it must be an address or a host name`);
  if (!Array.isArray(hostsAllowed) || hostsAllowed.some((name) => typeof name !== 'string' || name.length === 0)) {
    throw optionError('hostsAllowed', `is ${valueText(hostsAllowed)}; it must be an array of host names, without ports`);
  }
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof logger?.[level] !== 'function')
      throw optionError('logger', `has no method ${level}(data, message); it needs debug, info, warn and error, as pino and console have`);
  }
  const requestTimeoutMs = whole('requestTimeoutMs', options.requestTimeoutMs, 30_000, 10, 3_600_000);
  const headersTimeoutMs = whole('headersTimeoutMs', options.headersTimeoutMs, Math.min(10_000, requestTimeoutMs), 10, 3_600_000);
  if (headersTimeoutMs > requestTimeoutMs)
    throw optionError('headersTimeoutMs', `is ${headersTimeoutMs}, more than requestTimeoutMs (${requestTimeoutMs}): the headers are a part of the request`);
  return {
    port: whole('port', options.port, 8080, 0, 65_535),
    host,
    hostsAllowed,
    bodyBytesMax: whole('bodyBytesMax', options.bodyBytesMax, 1_048_576, 0, 1_073_741_824),
    headersTimeoutMs,
    requestTimeoutMs,
    requestsMax: whole('requestsMax', options.requestsMax, 1000, 1, 1_000_000),
    streamsMax: whole('streamsMax', options.streamsMax, 100, 0, 100_000),
    streamBufferBytesMax: whole('streamBufferBytesMax', options.streamBufferBytesMax, 1_048_576, 1024, 1_073_741_824),
    console: resolveConsoleOptions(options.console) ?? false,
    logger,
  };
}

/** Options of `gateway.stop`. */
export interface GatewayStopOptions {
  /** Time for requests in flight, 0 to 86,400,000. Default 10,000. */
  readonly deadlineMs?: number;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function resolveStopDeadline(options: GatewayStopOptions): number {
  checkNames('stop', options, ['deadlineMs']);
  return whole('deadlineMs', options.deadlineMs, 10_000, 0, 86_400_000);
}

function whole(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw optionError(name, `is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
  return value;
}
