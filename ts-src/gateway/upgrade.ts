/**
 * Requests that want to become something else than HTTP. Those for a WebSocket of the console are handed to it; all others are served as the ordinary requests they
 * also are, as RFC 9110 allows: some clients offer `h2c` with every request. Node gives such a connection away with the first bytes of its request taken out, so
 * that they are put back, without the wish, and the connection begins anew.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Console } from '../console/console.js';
import type { Logger } from '../model/agent-context.js';
import { errorAnswer, internalAnswer } from './error-answer.js';
import type { Exchanges } from './exchange.js';
import { checkOneHost, type HostGuard } from './host-guard.js';
import { refuseUpgrade } from './refuse-upgrade.js';

export interface UpgradeNeeds {
  readonly server: Server;
  readonly exchanges: Pick<Exchanges, 'isServing'>;
  readonly guard: HostGuard;
  readonly console: Pick<Console, 'hasSocket' | 'upgrade'>;
  readonly logger: Logger;
}

export function upgrades({ server, exchanges, guard, console, logger }: UpgradeNeeds): (request: IncomingMessage, stream: Duplex, head: Buffer) => void {
  const begunAnew = new WeakSet<Duplex>();
  return (request, stream, head) => {
    const { headers, method, url = '' } = request;
    stream.on('error', () => stream.destroy());
    // The answers to what came before on this connection would come after what is written now.
    if (exchanges.isServing(stream)) {
      stream.destroy();
      return;
    }
    if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || !console.hasSocket(url.split('?', 1)[0] as string)) {
      const isSecond = begunAnew.has(stream);
      begunAnew.add(stream);
      stream.unshift(Buffer.concat([headWithoutUpgrade(request, isSecond), head]));
      server.emit('connection', stream);
      return;
    }
    try {
      checkOneHost(request);
      guard(headers.host, headers.origin);
      console.upgrade(request, stream, head);
    } catch (error) {
      const answer = errorAnswer(error);
      if (answer === undefined) logger.error({ error }, 'a WebSocket of the console could not begin');
      refuseUpgrade(stream, answer ?? internalAnswer());
    }
  };
}

/** @param isLast so that what a connection adds up is bounded */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage, isLast: boolean): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!/^(?:upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[index + 1]}`);
  }
  if (isLast || httpVersion === '1.0') lines.push('connection: close');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
