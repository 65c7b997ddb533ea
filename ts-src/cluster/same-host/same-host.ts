/**
 * How nodes on one machine come to share memory. What a node says of itself in every session (`sameHost` of an introduction) has the place where it runs and the name of a socket there. When two nodes
 * of one place have a session, the one whose name is first connects to the socket of the other; both show that they know the nonces of that session (`link-handshake.ts`), and the memory is handed
 * over. When it does not work out the network goes on being used, the reason is told, and it is tried again later. Used by the transport, which brings links to the pools of their nodes.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { ProcessLink, ProcessLinks } from '../../ports/process-links.js';
import type { Role } from '../../protocols/wire/handshake.js';
import type { SessionPeer } from '../../protocols/wire/session-events.js';
import { SAME_HOST_BYTES } from '../../protocols/wire/handshake-messages.js';
import { decodeHello, encodeAnswer, encodeHello, type Hello, isAnswerProven, isHelloProven, RANDOM_BYTES, secretId } from './link-handshake.js';

const NAME_BYTES = 16;
/** From the connection to the memory. */
const HANDSHAKE_MS_MAX = 5_000;
/** Connections whose handshake is not done; the oldest gives way. */
const HANDSHAKING_MAX = 64;
const RETRY_FIRST_MS = 200;
/** Memory that was shared for so long was good: the next attempt comes soon. */
const RETRY_MS_MAX = 60_000;

export interface SameHostNeeds {
  readonly links: ProcessLinks;
  readonly clock: Clock;
  readonly logger: Logger;
  self(): NodeIdentity;
  /** There is memory with this node now, and nobody uses it yet. @param role who begins the sessions */
  linked(node: NodeIdentity, link: ProcessLink, role: Role): void;
  /** Something of another process was not accepted. */
  refused(reason: string): void;
}

interface Peer {
  readonly node: NodeIdentity;
  /** Of its sessions that are open: secrets, by what was met. */
  readonly secrets: Map<object, Uint8Array>;
  name: Uint8Array;
  standing: 'apart' | 'connecting' | 'linked';
  failures: number;
  linkedMs: number;
  cancelRetry: (() => void) | undefined;
  /** Why no memory is shared, as it was found last. */
  reason: string | undefined;
}

export class SameHost {
  /** For introductions. */
  readonly said: Uint8Array;
  readonly #needs: SameHostNeeds;
  readonly #peers = new Map<string, Peer>();
  readonly #bySecret = new Map<string, { readonly peer: Peer; readonly secret: Uint8Array }>();
  /** Those that have connected: what they have said, when they have. */
  readonly #handshaking = new Map<ProcessLink, { hello: Hello | undefined; readonly cancel: () => void }>();

  /** @throws Error if nobody can be met here */
  constructor(needs: SameHostNeeds) {
    this.#needs = needs;
    const name = randomBytes(NAME_BYTES);
    this.said = Buffer.concat([needs.links.place, name]);
    const error = needs.links.listen(socketName(name), (link) => this.#accepted(link));
    if (error !== undefined) throw error;
  }

  /** A session with a node is open. @param session stands for it, until `parted` @param meeting where the node can be met, as it says, and what both know of that session */
  met(node: NodeIdentity, session: object, meeting: SessionPeer['sameHost']): void {
    const peer = this.#peerOf(node);
    if (meeting === undefined) {
      peer.reason = 'the node does not say where it runs: its options do not allow it, or it cannot share memory';
      return;
    }
    const { said, nonces } = meeting;
    if (!sameBytes(said.subarray(0, SAME_HOST_BYTES - NAME_BYTES), this.#needs.links.place)) {
      peer.reason = 'the node is on another machine, or in another network namespace, or runs as another user';
      return;
    }
    peer.name = said.subarray(SAME_HOST_BYTES - NAME_BYTES);
    peer.secrets.set(session, nonces);
    this.#bySecret.set(secretId(nonces), { peer, secret: nonces });
    // Its process may have been faster than its last frame.
    for (const [link, { hello }] of this.#handshaking) if (hello !== undefined) this.#greeted(link, hello);
    this.#connect(peer);
  }

  /** That session is no more. */
  parted(node: NodeIdentity, session: object): void {
    const peer = this.#peers.get(nodeKey(node));
    const secret = peer?.secrets.get(session);
    if (peer === undefined || secret === undefined) return;
    peer.secrets.delete(session);
    this.#bySecret.delete(secretId(secret));
  }

  /** What was linked is no more. @param error undefined if it has ended as it should */
  unlinked(node: NodeIdentity, error: Error | undefined): void {
    const peer = this.#peers.get(nodeKey(node));
    if (peer === undefined) return;
    peer.standing = 'apart';
    if (this.#needs.clock.nowMs() - peer.linkedMs >= RETRY_MS_MAX) peer.failures = 0;
    if (error !== undefined) this.#failed(peer, error.message);
  }

  forget(node: NodeIdentity): void {
    const peer = this.#peers.get(nodeKey(node));
    if (peer === undefined) return;
    this.#peers.delete(nodeKey(node));
    peer.cancelRetry?.();
    for (const secret of peer.secrets.values()) this.#bySecret.delete(secretId(secret));
  }

  /** Why no memory is shared with a node that could; undefined if it is, or nothing is known. */
  reasonOf(node: NodeIdentity): string | undefined {
    return this.#peers.get(nodeKey(node))?.reason;
  }

  close(): void {
    for (const { cancel } of this.#handshaking.values()) cancel();
    for (const peer of this.#peers.values()) peer.cancelRetry?.();
    this.#needs.links.close();
  }

  #peerOf(node: NodeIdentity): Peer {
    const known = this.#peers.get(nodeKey(node));
    if (known !== undefined) return known;
    const none = new Uint8Array(0);
    const peer: Peer = { node, secrets: new Map(), name: none, standing: 'apart', failures: 0, linkedMs: 0, cancelRetry: undefined, reason: undefined };
    this.#peers.set(nodeKey(node), peer);
    return peer;
  }

  /** One of the two: otherwise both would. */
  #connect(peer: Peer): void {
    const { links, clock, self } = this.#needs;
    if (peer.standing !== 'apart' || peer.cancelRetry !== undefined || !(nodeKey(self()) < nodeKey(peer.node))) return;
    const [secret] = peer.secrets.values();
    if (secret === undefined) return;
    const link = links.connect(socketName(peer.name));
    if (link instanceof Error) return this.#failed(peer, link.message);
    peer.standing = 'connecting';
    const random = randomBytes(RANDOM_BYTES);
    const failed = (reason: string): void => {
      cancel();
      link.end();
      peer.standing = 'apart';
      this.#failed(peer, reason);
    };
    const cancel = clock.after(HANDSHAKE_MS_MAX, () => failed('the other process has not answered'), false);
    link.listen({
      message: (bytes, hasMemory) => {
        if (!hasMemory || !isAnswerProven(bytes, secret, random)) return failed('who answers at the socket of the node does not know what the node knows');
        const error = link.accept();
        if (error !== undefined) return failed(error.message);
        cancel();
        this.#linked(peer, link, 'dialler');
      },
      ...NO_FRAMES,
      closed: (error) => failed(error?.message ?? 'the other process has refused'),
    });
    const error = link.send(encodeHello(secret, random));
    if (error !== undefined) failed(error.message);
  }

  #accepted(link: ProcessLink): void {
    const [oldest] = this.#handshaking.keys();
    if (oldest !== undefined && this.#handshaking.size >= HANDSHAKING_MAX) this.#refuse(oldest, 'too many processes connect');
    const cancel = this.#needs.clock.after(HANDSHAKE_MS_MAX, () => this.#refuse(link, 'a process has connected that is no node of this cluster'), false);
    this.#handshaking.set(link, { hello: undefined, cancel });
    link.listen({
      message: (bytes) => {
        const hello = decodeHello(bytes);
        if (hello === undefined || this.#handshaking.get(link)?.hello !== undefined) return this.#refuse(link, 'a process has connected that speaks otherwise');
        this.#handshaking.set(link, { hello, cancel });
        this.#greeted(link, hello);
      },
      ...NO_FRAMES,
      closed: () => this.#dropped(link),
    });
  }

  #greeted(link: ProcessLink, hello: Hello): void {
    const known = this.#bySecret.get(hello.secretId);
    // The session may be open on the other side only, for a moment.
    if (known === undefined) return;
    const { peer, secret } = known;
    if (!isHelloProven(hello, secret)) return this.#refuse(link, 'a process has connected that does not know what a node knows');
    this.#dropped(link);
    const error = link.offer(encodeAnswer(secret, hello.random));
    if (error !== undefined) {
      link.end();
      return this.#failed(peer, error.message);
    }
    this.#linked(peer, link, 'acceptor');
  }

  #linked(peer: Peer, link: ProcessLink, role: Role): void {
    peer.standing = 'linked';
    peer.linkedMs = this.#needs.clock.nowMs();
    peer.reason = undefined;
    this.#needs.linked(peer.node, link, role);
  }

  #failed(peer: Peer, reason: string): void {
    if (peer.reason !== reason)
      this.#needs.logger.info({ node: peer.node.name, reason }, 'no memory is shared with a node of this machine: the network is used');
    peer.reason = reason;
    if (peer.cancelRetry !== undefined) return;
    const pauseMs = Math.min(RETRY_MS_MAX, RETRY_FIRST_MS * 2 ** Math.min(peer.failures++, 16));
    peer.cancelRetry = this.#needs.clock.after(
      pauseMs,
      () => {
        peer.cancelRetry = undefined;
        this.#connect(peer);
      },
      false,
    );
  }

  #refuse(link: ProcessLink, reason: string): void {
    this.#dropped(link);
    link.end();
    this.#needs.refused(reason);
  }

  #dropped(link: ProcessLink): void {
    this.#handshaking.get(link)?.cancel();
    this.#handshaking.delete(link);
  }
}

/** Before there is memory. */
const NO_FRAMES = { frame: () => undefined, room: () => undefined, laneEnded: () => undefined };

function socketName(name: Uint8Array): Uint8Array {
  return Buffer.from(`nexus-${Buffer.from(name).toString('hex')}`);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
