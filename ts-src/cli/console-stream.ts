/**
 * A stream of JSON messages from the console of a gateway, over a WebSocket. It ends once, with the reason; whether it is opened again is for whoever uses it (`reconnection.ts`). A stream
 * that is silent for too long has ended too: a line that was cut says nothing.
 */
import { WebSocket } from 'ws';
import { ANSWER_BYTES_MAX, bodyOf, type ConsoleRefusal, headersOf, refusalOf, unreachableText } from './console-client.js';
import type { ConsoleAddress } from './console-address.js';
import { CommandFailure } from './command-failure.js';
import { harmless } from './terminal-text.js';

/** Time to connect and to be let in. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface StreamListener {
  /** The connection is there. */
  opened(): void;
  /** @param message an object; what else it is the gateway says */
  received(message: Readonly<Record<string, unknown>>): void;
  /** Once, and nothing after it. @param reason why; a ConsoleRefusal if the gateway did not let it in. @param goodbye what the gateway said when it closed the stream */
  ended(reason: CommandFailure | ConsoleRefusal, goodbye: string): void;
}

export interface ConsoleStream {
  /** Ends it, and the listener is not told. */
  close(): void;
}

/** @param silenceMaxMs longest time without anything from the gateway, which is asked for a sign of life three times in it */
export function openConsoleStream(address: ConsoleAddress, path: string, silenceMaxMs: number, listener: StreamListener): ConsoleStream {
  const socket = new WebSocket(`${address.url.replace(/^http/, 'ws')}${path}`, {
    headers: headersOf(address),
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    maxPayload: ANSWER_BYTES_MAX,
    perMessageDeflate: true,
  });
  let wasOpen = false;
  let isOver = false;
  let silence: NodeJS.Timeout | undefined;
  let pings: NodeJS.Timeout | undefined;
  const end = (reason: CommandFailure, goodbye = ''): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(silence);
    clearInterval(pings);
    socket.terminate();
    listener.ended(reason, goodbye);
  };
  const heard = (): void => {
    clearTimeout(silence);
    if (isOver) return;
    silence = setTimeout(() => end(new CommandFailure(`${address.url} was silent for ${Math.round(silenceMaxMs / 1000)} s`)), silenceMaxMs);
  };
  socket.on('open', () => {
    wasOpen = true;
    if (isOver) return;
    heard();
    // An agent may be silent for as long as it likes; the gateway may not.
    pings = setInterval(() => socket.ping(), silenceMaxMs / 3);
    listener.opened();
  });
  socket.on('ping', heard);
  socket.on('pong', heard);
  socket.on('message', (data, isBinary) => {
    heard();
    if (isOver) return;
    const message = isBinary ? undefined : parsedObject(String(data));
    if (message === undefined) end(new CommandFailure(`what ${address.url} sent is no message of a console`));
    else listener.received(message);
  });
  socket.on('unexpected-response', (_request, answer) => {
    bodyOf(answer).then(
      (text) => end(refusalOf(address, answer.statusCode ?? 0, text)),
      (error: unknown) => end(new CommandFailure(unreachableText(address.url, error))),
    );
  });
  socket.on('close', (code, reason) => end(new CommandFailure(closedText(address.url, code, String(reason))), String(reason)));
  socket.on('error', (error) =>
    end(new CommandFailure(wasOpen ? `the connection to ${address.url} failed: ${harmless(error.message)}` : openingText(address, error))),
  );
  return {
    close() {
      isOver = true;
      clearTimeout(silence);
      clearInterval(pings);
      if (socket.readyState === WebSocket.OPEN) socket.close(1000);
      else socket.terminate();
      // Whoever does not answer the goodbye does not keep the process alive.
      setTimeout(() => socket.terminate(), 1000).unref();
    },
  };
}

function openingText({ url }: ConsoleAddress, error: Error): string {
  if (/handshake has timed out/.test(error.message)) return `${url} did not answer in time: no WebSocket within ${HANDSHAKE_TIMEOUT_MS / 1000} s`;
  return unreachableText(url, error);
}

function closedText(url: string, code: number, reason: string): string {
  if (code === 1006) return `the connection to ${url} was cut`;
  return `${url} closed the connection${reason === '' ? '' : `: ${harmless(reason)}`} (${code})`;
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
