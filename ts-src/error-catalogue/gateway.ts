/** Entries of the catalogue: the gateway. Read by `catalogue.ts` only. */
import type { GatewayErrorCode } from '../gateway/gateway-error.js';
import type { GatewayErrorEntry } from './entry.js';

export const GATEWAY = {
  GATEWAY_LISTEN_FAILED: {
    causes: 'The port is in use, needs rights, or the host is not of this machine.',
    remedy: 'Another port (`port: 0` takes a free one) or host.',
    retryable: 'maybe',
    retry: 'When the port is free.',
    status: '0',
  },
  GATEWAY_URL_INVALID: {
    causes: 'The path holds a `%` that is not followed by two digits of UTF-8, or does not begin with a slash.',
    remedy: 'Encode ids with `encodeURIComponent`.',
    retryable: 'no',
    status: '400',
  },
  GATEWAY_URL_TOO_LONG: {
    causes: 'An id or query that belongs into the body.',
    remedy: 'Send data in the body.',
    retryable: 'no',
    status: '414',
  },
  GATEWAY_HOST_REFUSED: {
    causes: 'The gateway is reached by a name it was not told of: through a proxy, in a container, or by a page that rebinds DNS.',
    remedy: 'Add the name to `hostsAllowed`.',
    retryable: 'no',
    status: '403',
  },
  GATEWAY_ORIGIN_REFUSED: {
    causes: 'A script of a page of another site called the gateway.',
    remedy: 'Serve the page from the same host, or add its host to `hostsAllowed`.',
    retryable: 'no',
    status: '403',
  },
  GATEWAY_ROUTE_UNKNOWN: {
    causes: 'A misspelt path (`data.suggestion`), or one of another version.',
    remedy: 'The message lists the routes there are.',
    retryable: 'no',
    status: '404',
  },
  GATEWAY_METHOD_UNKNOWN: {
    causes: '`GET` where the route takes `POST`, or the reverse.',
    remedy: 'The header Allow lists what there is.',
    retryable: 'no',
    status: '405',
  },
  GATEWAY_QUERY_INVALID: {
    causes: 'A misspelt or repeated parameter, or a number outside its range.',
    remedy: 'The message names the parameter, suggests the nearest name, and says what it may be.',
    retryable: 'no',
    status: '422',
  },
  GATEWAY_ID_INVALID: {
    causes: 'An empty id, or one longer than 1,024 bytes.',
    remedy: 'Choose a shorter one.',
    retryable: 'no',
    status: '422',
  },
  GATEWAY_CONTENT_TYPE: {
    causes: 'The body has another `content-type` than the route takes, another charset than UTF-8, or is compressed.',
    remedy: 'Send `content-type: application/json`.',
    retryable: 'no',
    status: '415',
  },
  GATEWAY_BODY_TOO_LARGE: {
    causes: 'The body has more than `bodyBytesMax` bytes (`data.bytesMax`).',
    remedy: 'Send less, or raise `bodyBytesMax`.',
    retryable: 'no',
    status: '413',
  },
  GATEWAY_BODY_INVALID: {
    causes: 'A syntax error (the message has line and column), nesting, a key such as `__proto__`, or other fields than the route takes.',
    remedy: 'Correct the body; the message names the place.',
    retryable: 'no',
    status: '422',
  },
  GATEWAY_CLIENT_GONE: {
    causes: 'The client gave up: its own time limit is shorter. Only seen in metrics.',
    remedy: 'Nothing, or a longer limit in the client.',
    retryable: 'maybe',
    retry: 'By the client. The action may have been handled.',
    status: '499',
  },
  GATEWAY_REQUEST_INVALID: {
    causes: 'A broken client or proxy, TLS spoken to a port without TLS, headers that are too large.',
    remedy: 'Send HTTP/1.1; the message names what is wrong.',
    retryable: 'no',
    status: '400, 413 or 431',
  },
  GATEWAY_REQUEST_TIMEOUT: {
    causes: 'A slow connection, or one that sends bytes to hold it open.',
    remedy: 'Send faster, or raise `requestTimeoutMs` or `headersTimeoutMs`.',
    retryable: 'maybe',
    retry: 'On a new connection.',
    status: '408',
  },
  GATEWAY_BUSY: {
    causes: 'More requests at once than `requestsMax`, or more open streams than `streamsMax`.',
    remedy: 'Slow down as `retry-after` says; raise the limit; more threads or processes.',
    retryable: 'yes',
    retry: 'After `retry-after` seconds. Nothing was called.',
    status: '503',
  },
  GATEWAY_STOPPING: {
    causes: 'The process is shutting down.',
    remedy: 'Send it to another instance.',
    retryable: 'yes',
    retry: 'On another instance, or when this one is back. Nothing was called.',
    status: '503',
  },
  GATEWAY_HANDLER_FAILED: {
    causes: 'The handler of the action threw an error without a `statusCode` of its own.',
    remedy: 'Read the message and the log; the error is that of the handler. It may choose a `statusCode` from 400 to 599 and a `code`.',
    retryable: 'no',
    status: '500, or what the error chooses',
  },
  GATEWAY_REPLY_NOT_JSON: {
    causes: 'The reply refers to itself, holds a BigInt, or is too deep or too large.',
    remedy: 'Reply with what JSON can say.',
    retryable: 'no',
    status: '500',
  },
  GATEWAY_INTERNAL: {
    causes: 'A defect in the gateway; it is logged with its stack.',
    remedy: 'Please report it, with what the log says.',
    retryable: 'maybe',
    retry: 'It may have been handled.',
    status: '500',
  },
  GATEWAY_ACTION_REFUSED: {
    causes:
      'An agent was to be paused, resumed or stopped through the console of a gateway that has no token for it, or whose `console.actions` leaves this one out.',
    remedy: 'Start the gateway with `console: { token }`, `nexus run` with `NEXUS_CONSOLE_TOKEN`; allow the action in `console.actions`.',
    retryable: 'no',
    status: '403',
  },
  GATEWAY_TOKEN_INVALID: {
    causes: 'The request has no `Authorization: Bearer TOKEN`, or another token than the one of the gateway.',
    remedy: 'Send the token that the gateway was started with.',
    retryable: 'no',
    status: '401',
  },
  GATEWAY_WEBSOCKET_REQUIRED: {
    causes: 'An ordinary request to an address that only serves WebSockets, or a proxy in front that does not pass `Upgrade` on.',
    remedy: 'Open it as a WebSocket (`ws://`); let the proxy pass `Upgrade` and `Connection` on.',
    retryable: 'no',
    status: '426',
  },
} satisfies Partial<Record<GatewayErrorCode, GatewayErrorEntry>>;
