/**
 * HTTP and WebSocket in front of a running nexus: serves the page, and makes an agent of every connection. What happens then is `connection.mjs`. It does not
 * own the nexus: who started it stops it.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { Connection } from './connection.mjs';
import { CLOSED } from './frames.mjs';
import { resolveLimits } from './limits.mjs';

/** For `createNexus({ agents })`: rooms on every thread; connections, given as a definition, on the calling thread only. */
export const CHAT_AGENTS = [new URL('./room.mjs', import.meta.url), Connection];

/** Nothing else is served. */
const PAGE = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/chat.js', 'chat.js', 'text/javascript; charset=utf-8'],
  ['/chat.css', 'chat.css', 'text/css; charset=utf-8'],
];
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};
/** Connections of HTTP beside those that have become sockets. */
const PAGES_MAX = 1000;
const SOCKET_PATH = '/socket';
/** How long a socket that was closed may take to agree, before it is cut off. */
const CLOSE_TIMEOUT_MS = 2000;

/**
 * Resolves when the server listens.
 * @param {import('nexus-agents').Nexus} nexus with the agents `CHAT_AGENTS`
 * @param {{ host?: string, port?: number, limits?: Partial<import('./limits.mjs').Limits> }} [options] defaults: 127.0.0.1, any port that is free, `limits.mjs`
 * @throws {RangeError} for a limit that does not exist or is out of range
 */
export async function startChat(nexus, { host = '127.0.0.1', port = 0, limits: changes } = {}) {
  const limits = resolveLimits(changes);
  const page = new Map(
    await Promise.all(PAGE.map(async ([path, file, type]) => [path, { type, body: await readFile(new URL(`page/${file}`, import.meta.url)) }])),
  );
  let isClosing = false;

  const server = createServer((request, response) => {
    const found = page.get((request.url ?? '').split('?', 1)[0]);
    if (found === undefined) return response.writeHead(404, HEADERS).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') return response.writeHead(405, { ...HEADERS, Allow: 'GET, HEAD' }).end();
    response
      .writeHead(200, { ...HEADERS, 'Content-Type': found.type, 'Content-Length': found.body.length })
      .end(request.method === 'HEAD' ? undefined : found.body);
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: limits.frameBytesMax, closeTimeout: CLOSE_TIMEOUT_MS, perMessageDeflate: false });
  const mayOpenRooms = () => nexus.agentCount - sockets.clients.size < limits.roomsMax;

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const refused =
      (request.url ?? '').split('?', 1)[0] !== SOCKET_PATH
        ? '404 Not Found'
        : isClosing || sockets.clients.size >= limits.connectionsMax
          ? '503 Service Unavailable'
          : undefined;
    if (refused !== undefined) {
      stream.once('finish', () => stream.destroy());
      return void stream.end(`HTTP/1.1 ${refused}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      // What comes before the agent listens waits in the kernel.
      socket.pause();
      nexus.spawn(Connection, { thread: 'local', init: { socket, limits, mayOpenRooms } }).catch((error) => {
        console.error('chat: no agent for a connection:', error);
        socket.terminate();
      });
    });
  });
  server.maxConnections = limits.connectionsMax + PAGES_MAX;
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server.off('error', reject)));
  });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  const authority = `${host.includes(':') ? `[${host}]` : host}:${address.port}`;

  return {
    port: address.port,
    url: `http://${authority}`,
    socketUrl: `ws://${authority}${SOCKET_PATH}`,
    /** Takes no new connections and closes those there are with 1001; resolves when all have closed, or were cut off. */
    async close() {
      isClosing = true;
      const closed = new Promise((resolve) => server.close(resolve));
      // The agent of a socket ends with it; `ws` cuts off who does not agree in time.
      for (const socket of sockets.clients) socket.close(...CLOSED.goingAway);
      server.closeIdleConnections();
      const cutOff = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await closed;
      clearTimeout(cutOff);
    },
  };
}
