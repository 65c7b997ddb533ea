/**
 * Signals as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): every stream is one subscription of the calling thread, with a
 * bound on what waits for its client. A stream that ends says why, as the event `end`: `slow`, `busy`,
 * `stopping` (the gateway) or `stopped` (the nexus).
 */
import type { ServerResponse } from 'node:http';
import { toCloudEvent } from '../model/cloud-event.js';
import type { Signal } from '../model/signal.js';
import type { Nexus } from '../nexus.js';
import { GatewayError } from './gateway-error.js';
import { toJson } from './json-output.js';

/** Longest time without a byte, so that proxies keep the connection and a client that has gone is noticed. */
const KEEP_ALIVE_MS = 15_000;

export interface SignalStreamsNeeds {
  readonly nexus: Pick<Nexus, 'isStopping' | 'subscribe' | 'subscribed'>;
  readonly streamsMax: number;
  readonly streamBufferBytesMax: number;
  readonly requestTimeoutMs: number;
}

type EndReason = 'slow' | 'busy' | 'stopping' | 'stopped';

export class SignalStreams {
  readonly #needs: SignalStreamsNeeds;
  readonly #streams = new Set<SignalStream>();

  constructor(needs: SignalStreamsNeeds) {
    this.#needs = needs;
  }

  /** A place for a stream. Returns what begins it. @throws GatewayError GATEWAY_BUSY */
  admit(pattern: string): (response: ServerResponse) => void {
    const { streamsMax } = this.#needs;
    if (this.#streams.size >= streamsMax)
      throw new GatewayError(
        'GATEWAY_BUSY',
        503,
        `${streamsMax} streams of signals are open already, as many as the option streamsMax allows; try again later`,
        {
          headers: { 'retry-after': '1' },
          data: { streamsMax },
        },
      );
    return (response) => {
      const stream = new SignalStream(this.#needs, pattern, response);
      // Others may have come in between.
      if (this.#streams.size >= streamsMax) return stream.end('busy');
      this.#streams.add(stream);
      response.once('close', () => {
        this.#streams.delete(stream);
        stream.close();
      });
    };
  }

  /** Ends them all. */
  stop(): void {
    for (const stream of this.#streams) stream.end('stopping');
  }
}

class SignalStream {
  readonly #response: ServerResponse;
  readonly #bufferBytesMax: number;
  readonly #unsubscribe: () => void;
  readonly #keepAlive: NodeJS.Timeout;
  #hasEnded = false;

  constructor({ nexus, streamBufferBytesMax, requestTimeoutMs }: SignalStreamsNeeds, pattern: string, response: ServerResponse) {
    this.#response = response;
    this.#bufferBytesMax = streamBufferBytesMax;
    response.flushHeaders();
    this.#unsubscribe = nexus.subscribe(pattern, (signal) => this.#write(textOf(signal)));
    this.#keepAlive = setInterval(
      () => {
        if (nexus.isStopping) this.end('stopped');
        else this.#write(': still here\n\n');
      },
      Math.min(KEEP_ALIVE_MS, requestTimeoutMs / 2),
    );
    // What is emitted anywhere from now on comes.
    nexus.subscribed().then(
      () => this.#write(': subscribed\n\n'),
      () => this.end('stopped'),
    );
  }

  end(reason: EndReason): void {
    if (this.#hasEnded) return;
    this.close();
    this.#response.end(`event: end\ndata: {"reason":"${reason}"}\n\n`);
  }

  close(): void {
    this.#hasEnded = true;
    clearInterval(this.#keepAlive);
    this.#unsubscribe();
  }

  #write(text: string): void {
    if (this.#hasEnded) return;
    // Whatever the client has not taken: without a bound one that does not read would fill the memory.
    if (this.#response.writableLength + Buffer.byteLength(text) > this.#bufferBytesMax) return this.end('slow');
    this.#response.write(text);
  }
}

/** One event: its data are one line, since JSON has no line breaks of its own. */
function textOf(signal: Signal): string {
  const { id, topic } = signal;
  try {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what would end the field or void it
    return `${/[\r\n\u0000]/.test(id) ? '' : `id: ${id}\n`}data: ${toJson(toCloudEvent(signal))}\n\n`;
  } catch (error) {
    const { code, message } = error as GatewayError;
    return `event: error\ndata: ${JSON.stringify({ id, type: topic, error: { code, message } })}\n\n`;
  }
}
