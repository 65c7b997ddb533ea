/**
 * What the gateway itself refuses, with the status that says so. Errors of the runtime and of handlers become answers in `error-answer.ts`.
 */

export const GATEWAY_ERROR_CODES = {
  GATEWAY_LISTEN_FAILED: 'The address cannot be listened on: the port is in use, or the host is not of this machine.',
  GATEWAY_URL_INVALID: 'The path of the request cannot be decoded.',
  GATEWAY_URL_TOO_LONG: 'The URL of the request is longer than 8,192 bytes.',
  GATEWAY_HOST_REFUSED: 'The Host header names neither the address the gateway is bound to nor one in `hostsAllowed`.',
  GATEWAY_ORIGIN_REFUSED: 'A page of another site sent the request.',
  GATEWAY_ROUTE_UNKNOWN: 'There is no such route.',
  GATEWAY_METHOD_UNKNOWN: 'The route has no such method; Allow lists those it has.',
  GATEWAY_QUERY_INVALID: 'A parameter of the query is unknown, given twice, or out of its range.',
  GATEWAY_ID_INVALID: 'An id is not 1 to 1,024 bytes of UTF-8.',
  GATEWAY_CONTENT_TYPE: 'The body is not JSON in UTF-8 by its headers.',
  GATEWAY_BODY_TOO_LARGE: 'The body is larger than `bodyBytesMax`.',
  GATEWAY_BODY_INVALID: 'The body is not JSON, nested too deeply, has a dangerous key, or is not what the route takes.',
  GATEWAY_CLIENT_GONE: 'The client closed the connection, or took too long to send the request. Only seen in metrics, as status 499.',
  GATEWAY_REQUEST_INVALID: 'What came over the connection is not an HTTP request the gateway can read.',
  GATEWAY_REQUEST_TIMEOUT: 'The headers or the whole request did not arrive in time.',
  GATEWAY_BUSY:
    'As many requests as `requestsMax` are in flight, as many streams as `streamsMax` or WebSockets of the console as `console.clientsMax` open, or too many lists of agents are being made for the console.',
  GATEWAY_STOPPING: 'The gateway is stopping.',
  GATEWAY_ACTION_REFUSED: 'The console is read-only, because it has no token, or its option `actions` does not allow this action.',
  GATEWAY_TOKEN_INVALID: 'An action of the console needs its token as `Authorization: Bearer TOKEN`; there was none, or another one.',
  GATEWAY_WEBSOCKET_REQUIRED: 'The address is for WebSockets, and this was an ordinary request.',
  GATEWAY_HANDLER_FAILED: 'The handler of the action threw.',
  GATEWAY_REPLY_NOT_JSON: 'The reply cannot be written as JSON: it refers to itself, or is too deep or too large.',
  GATEWAY_INTERNAL: 'A mistake in the gateway itself; it is logged.',
} as const;

/** The codes of `GatewayError`. */
export type GatewayErrorCode = keyof typeof GATEWAY_ERROR_CODES;

export interface GatewayErrorOptions {
  readonly cause?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further fields of the answer, beside code and message. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A request that the gateway refuses, or that it cannot be started. `code` is stable: see `docs/errors.md`. */
export class GatewayError extends Error {
  readonly code: GatewayErrorCode;
  /** HTTP status; 0 for an error that no request has. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: GatewayErrorCode, status: number, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = status;
    this.headers = options.headers ?? {};
    this.data = options.data ?? {};
  }

  override get name(): string {
    return 'GatewayError';
  }
}
