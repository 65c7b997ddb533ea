/** A server that answers as the console of a gateway does, or as it should not: for what the real one does not do on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface FakeConsole {
  readonly url: string;
  readonly port: number;
  /** Open streams. */
  readonly sockets: Set<WebSocket>;
  /** What was asked, as `GET /path`, with the bearer token that came. */
  readonly asked: { readonly line: string; readonly token: string | undefined }[];
  send(message: unknown): void;
  stop(): Promise<void>;
}

export interface FakeAnswers {
  /** By path, without the query: a value as JSON with 200, or `[status, text]`. What is not here is unknown to the gateway. */
  readonly answers?: Record<string, unknown>;
  /** What a stream begins with. */
  readonly first?: readonly unknown[];
  /** Paths of streams that are refused with this status and text. */
  readonly refuse?: readonly [status: number, text: string];
  readonly port?: number;
}

export async function fakeConsole({ answers = {}, first = [], refuse, port = 0 }: FakeAnswers = {}): Promise<FakeConsole> {
  const asked: FakeConsole['asked'] = [];
  const note = ({ method, url, headers }: IncomingMessage): void =>
    void asked.push({ line: `${method} ${url}`, token: /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1] });
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    note(request);
    const path = (request.url ?? '').split('?')[0] as string;
    const answer = answers[path] ?? [404, JSON.stringify({ error: { code: 'GATEWAY_ROUTE_UNKNOWN', message: `there is no route ${path}` } })];
    if (answer === 'never') return;
    const [status, text] = Array.isArray(answer) && typeof answer[0] === 'number' ? (answer as [number, string]) : [200, JSON.stringify(answer)];
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  });
  const streams = new WebSocketServer({ noServer: true });
  const sockets = new Set<WebSocket>();
  server.on('upgrade', (request, socket, head) => {
    note(request);
    if (refuse !== undefined) {
      const [status, text] = refuse;
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`);
      return;
    }
    streams.handleUpgrade(request, socket, head, (stream) => {
      sockets.add(stream);
      stream.on('close', () => sockets.delete(stream));
      for (const message of first) stream.send(typeof message === 'string' ? message : JSON.stringify(message));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    sockets,
    asked,
    send(message) {
      for (const socket of sockets) socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    },
    async stop() {
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
