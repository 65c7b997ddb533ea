/** A transport in this process, and others in processes of their own that share memory with it: `test/fixtures/same-host-peer.mjs`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { createWebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import type { SameHostSurroundings } from '../../../dist/ts-src/cluster/cluster-surroundings.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';
import type { NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import type { Transport, TransportStatistics } from '../../../dist/ts-src/ports/transport.js';

export const HOST = '127.0.0.1';
const STARTER: NodeIdentity = { name: 'starter', incarnation: 1 };
const PEER_MODULE = fileURLToPath(new URL('../../fixtures/same-host-peer.mjs', import.meta.url));

/** Why memory cannot be shared here; undefined if it can. */
export const unavailableBecause = ((): string | undefined => {
  const { links, reason } = openProcessLinks(0);
  links?.close();
  return reason;
})();

export interface Starter {
  readonly transport: Transport;
  readonly events: string[];
  close(): Promise<void>;
}

/** @param sameHost undefined: memory that is really shared */
export async function openStarter(sameHost: SameHostSurroundings = openProcessLinks(20), self = STARTER): Promise<Starter> {
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const wire = createWebsocketWire({ logger, clock: systemClock });
  const events: string[] = [];
  const transport = await openTransport(
    {
      ...{ self: () => self, cluster: 'test', listen: { host: HOST, port: 0 }, logger },
      events: { opened: (node) => events.push(`opened ${node.name}`), closed: (node) => events.push(`closed ${node.name}`) },
    },
    { clock: systemClock, random: Math.random, wire, sameHost },
  );
  const close = async (): Promise<void> => {
    await transport.close(0);
    await wire.close();
  };
  onTestFinished(close);
  return { transport, events, close };
}

export interface Peer {
  readonly node: NodeIdentity;
  readonly process: ChildProcess;
  /** What it has seen. */
  report(): Promise<{ readonly received: number; readonly disorder: number; readonly isShared: boolean; readonly statistics: TransportStatistics }>;
  /** kill -9, and gone. */
  kill(): Promise<void>;
}

export interface PeerOptions {
  readonly name?: string;
  readonly does?: readonly string[];
  readonly seed?: number;
}

/** Starts one, and admits it. */
export async function startPeer({ transport }: Starter, options: PeerOptions = {}): Promise<Peer> {
  const { name = 'peer' } = options;
  const child = spawn(process.execPath, [PEER_MODULE, JSON.stringify({ ...options, name, port: transport.address.port })], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (code: number | null, signal: string | null): void => reject(new Error(`the peer has ended with ${code ?? signal}`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message as T);
      });
    });
  const { port } = await said<{ port: number }>();
  const node = { name, incarnation: 1 };
  transport.admit(node, { host: HOST, port });
  return {
    node,
    process: child,
    report() {
      const answer = said<Awaited<ReturnType<Peer['report']>>>();
      child.send('report');
      return answer;
    },
    kill: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

/** What of this process a link takes: it is to be given back. */
export function held(): { readonly descriptors: number; readonly mappings: number } {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mappings: readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.includes('memfd:nexus-link')).length,
  };
}

/** Sockets of links that this process still has, and files that somebody has left: other processes of the machine may have sockets of their own. */
export function leftBehind(): string[] {
  const own = new Set(
    readdirSync('/proc/self/fd').flatMap((descriptor) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1] ?? [];
      } catch {
        // It was that of the list itself.
        return [];
      }
    }),
  );
  const sockets = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => /@nexus-[0-9a-f]{32}/.test(line) && own.has(line.trim().split(/\s+/)[6] ?? ''));
  const files = ['/dev/shm', '/tmp'].flatMap((folder) => readdirSync(folder).filter((name) => name.includes('nexus-link')));
  return [...sockets, ...files];
}
