/**
 * Nodes in the local network that say where they are, in small datagrams to a multicast group: one that starts asks, the others answer, and all say it again now and then. For machines of one network; what
 * is heard is not proven, and is only where to ask. Another cluster's words are ignored.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { addressOf, addressText, isNodeName, type NodeAddress } from '../../model/node-identity.js';
import type { Discovery, DiscoveryEvents } from '../../ports/discovery.js';

const ADDRESSES_MAX = 1024;
const DATAGRAM_BYTES_MAX = 512;
const MARK = 'nexus-agents 1';
/** Not heard of for so many intervals, a node is not there any more. */
const FORGET_INTERVALS = 5;
/** Answers to a question come within this time, not all at once. */
const ANSWER_MS = 50;
/** What is heard is told together. */
const TELL_MS = 50;
/** A start asks again so often: the first question may be lost. */
const QUESTIONS_MS = [0, 100, 300];
const AGAIN_MS = 1000;

export interface MulticastDiscoveryOptions {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly group: string;
  readonly port: number;
  readonly intervalMs: number;
  /** Where this node listens: the network of this address is used. */
  readonly host: string;
}

export function multicastDiscovery(options: MulticastDiscoveryOptions): Discovery {
  const known = new Map<string, { readonly address: NodeAddress; heardMs: number }>();
  const timers = new Set<NodeJS.Timeout>();
  let socket: Socket | undefined;
  let isClosed = false;
  let telling = false;
  let answering = false;
  let lastFailure: string | undefined;

  const after = (delayMs: number, callback: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      callback();
    }, delayMs);
    timers.add(timer);
  };

  const start = (self: NodeAddress, events: DiscoveryEvents): void => {
    const open = createSocket({ type: 'udp4', reuseAddr: true });
    socket = open;
    const say = (word: 'ask' | 'here'): void => {
      if (socket !== open) return;
      // One that cannot be sent now is sent again: the error comes to the socket only without a callback.
      open.send([MARK, options.cluster, word, addressText(self)].join('\n'), options.port, options.group, (error) => {
        if (error !== null) failed(error);
      });
    };
    const tell = (): void => {
      if (telling) return;
      telling = true;
      after(TELL_MS, () => {
        telling = false;
        events.discovered([...known.values()].map(({ address }) => address));
      });
    };
    const failed = (error: NodeJS.ErrnoException): void => {
      if (isClosed) return;
      if (error.code !== lastFailure) events.failed(error);
      lastFailure = error.code;
    };
    const restart = (error: Error): void => {
      failed(error);
      if (socket !== open || isClosed) return;
      socket = undefined;
      open.close();
      after(AGAIN_MS, () => start(self, events));
    };
    const round = (): void => {
      if (socket !== open) return;
      say('here');
      const beforeMs = performance.now() - FORGET_INTERVALS * options.intervalMs;
      const size = known.size;
      for (const [text, { heardMs }] of known) if (heardMs < beforeMs) known.delete(text);
      if (known.size !== size) tell();
      after(options.intervalMs, round);
    };

    open.on('error', restart);
    open.on('message', (bytes) => {
      const heard = bytes.length <= DATAGRAM_BYTES_MAX ? understood(bytes.toString('utf8'), options.cluster) : undefined;
      if (heard === undefined) return;
      const text = addressText(heard.address);
      const entry = known.get(text);
      if (entry !== undefined) entry.heardMs = performance.now();
      else if (known.size < ADDRESSES_MAX) {
        known.set(text, { address: heard.address, heardMs: performance.now() });
        tell();
      }
      if (heard.word === 'here' || answering || text === addressText(self)) return;
      answering = true;
      after(Math.random() * ANSWER_MS, () => {
        answering = false;
        say('here');
      });
    });
    open.bind(options.port, () => {
      try {
        const network = isIPv4(options.host) && options.host !== '0.0.0.0' ? options.host : undefined;
        open.addMembership(options.group, network);
        if (network !== undefined) open.setMulticastInterface(network);
        open.setMulticastTTL(1);
        open.setMulticastLoopback(true);
      } catch (error) {
        return restart(error as Error);
      }
      lastFailure = undefined;
      for (const delayMs of QUESTIONS_MS) after(delayMs, () => say('ask'));
      round();
    });
  };

  return {
    description: `multicast: ${options.group}:${options.port}`,
    isStatic: false,
    start,
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      const open = socket;
      socket = undefined;
      open?.close();
    },
  };
}

/** Undefined for what is none of ours, or of another cluster. */
function understood(text: string, cluster: string): { readonly word: 'ask' | 'here'; readonly address: NodeAddress } | undefined {
  const [mark, name, word, where = '', ...rest] = text.split('\n');
  if (mark !== MARK || !isNodeName(name) || name !== cluster || rest.length > 0 || (word !== 'ask' && word !== 'here')) return undefined;
  const address = addressOf(where);
  return address === undefined ? undefined : { word, address };
}
