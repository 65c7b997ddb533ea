/** Proxies in front of nodes: what other nodes send them, and hear from them, goes through here, a connection as two pipes, each under the conditions of its direction. Runs in `proxy-main.ts`. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { GOOD_STREAM, type StreamConditions } from '../network.js';
import { CallerName } from './caller-name.js';
import { DelayedPipe } from './delayed-pipe.js';

/** One port that is listened on for a node. */
export interface ProxyPort {
  readonly host: string;
  readonly port: number;
  readonly target: { readonly host: string; readonly port: number };
  /** The number of the node behind it. */
  readonly to: number;
  /** Who dials here; undefined: it is read from the handshake. */
  readonly from: number | undefined;
}

export interface LinkState {
  readonly from: number;
  readonly to: number;
  readonly conditions: StreamConditions;
}

export class LinkProxy {
  readonly #random: () => number;
  readonly #links = new Map<string, StreamConditions>();
  readonly #pipes = new Set<DelayedPipe>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(random: () => number) {
    this.#random = random;
  }

  async listen(ports: readonly ProxyPort[]): Promise<void> {
    await Promise.all(
      ports.map(
        (port) =>
          new Promise<void>((resolve, reject) => {
            const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#join(socket, port));
            this.#servers.push(server);
            server.once('error', reject);
            server.listen(port.port, port.host, resolve);
          }),
      ),
    );
  }

  set({ from, to, conditions }: LinkState): void {
    this.#links.set(`${from} ${to}`, conditions);
    for (const pipe of this.#pipes) pipe.changed();
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(caller: Socket, { target, to, from }: ProxyPort): void {
    const node = connect({ ...target, allowHalfOpen: true, noDelay: true });
    for (const socket of [caller, node]) {
      this.#sockets.add(socket);
      // What becomes of it is for the pipes.
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    let who = from;
    const name = from === undefined ? new CallerName() : undefined;
    const seen = (chunk: Buffer): void => {
      const said = name?.take(chunk);
      if (said !== undefined) who = Number(/^n(\d+)$/.exec(said)?.[1] ?? 0);
    };
    const of = (a: number | undefined, b: number | undefined): StreamConditions => this.#links.get(`${a} ${b}`) ?? GOOD_STREAM;
    const random = this.#random;
    const there = new DelayedPipe({ source: caller, target: node, conditions: () => of(who, to), random, seen });
    const back = new DelayedPipe({ source: node, target: caller, conditions: () => of(to, who), random });
    for (const pipe of [there, back]) this.#pipes.add(pipe);
    caller.once('close', () => this.#pipes.delete(there));
    node.once('close', () => this.#pipes.delete(back));
  }
}
