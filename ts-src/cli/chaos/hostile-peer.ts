/**
 * A byzantine peer: makes connections to the ports on which nodes listen for each other, and sends what no node would: noise, frames that are cut, damaged or repeated, a hello in the name of another node, frames for which
 * no session is open. Each connection is one attack, drawn from a seed. What nodes say to each is in `docs/wire.md`; none may take harm.
 */
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { PATH, SUBPROTOCOL } from '../../adapters/websocket/wire-limits.js';
import type { SeededRandom } from '../../model/seeded-random.js';
import { encodeHandshake, type Introduction } from '../../protocols/wire/handshake-messages.js';

/** A connection is given up after so long. */
const CONNECTION_MS = 3000;
const CONNECTIONS_MAX = 64;

export interface HostilePeerNeeds {
  readonly random: SeededRandom;
  readonly cluster: string;
  /** Names of the nodes, for hellos in their names. */
  readonly names: readonly string[];
}

export class HostilePeer {
  readonly #needs: HostilePeerNeeds;
  readonly #ends = new Set<() => void>();
  #attacks = 0;

  constructor(needs: HostilePeerNeeds) {
    this.#needs = needs;
  }

  get attacks(): number {
    return this.#attacks;
  }

  /** One connection, one attack. */
  attack(host: string, port: number): void {
    if (this.#ends.size >= CONNECTIONS_MAX) return;
    this.#attacks++;
    if (this.#needs.random.next() < 0.2) this.#raw(host, port);
    else this.#session(host, port);
  }

  close(): void {
    for (const end of [...this.#ends]) end();
  }

  #raw(host: string, port: number): void {
    const socket = connect({ host, port });
    const end = this.#bounded(() => socket.destroy());
    socket.on('error', () => undefined).once('close', end);
    socket.once('connect', () => socket.write(this.#noise(1 + Math.floor(this.#needs.random.next() * 4000))));
  }

  #session(host: string, port: number): void {
    const webSocket = new WebSocket(`ws://${host}:${port}${PATH}`, [SUBPROTOCOL], { perMessageDeflate: false, handshakeTimeout: CONNECTION_MS });
    const end = this.#bounded(() => webSocket.terminate());
    webSocket.on('error', () => undefined).once('close', end);
    webSocket.once('open', () => {
      for (const frame of this.#frames()) webSocket.send(frame, () => undefined);
    });
  }

  #frames(): readonly Uint8Array[] {
    const { random } = this.#needs;
    const hello = this.#hello();
    const damaged = Uint8Array.from(hello);
    const at = Math.floor(random.next() * damaged.length);
    damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(random.next() * 8));
    const attacks: readonly (() => readonly Uint8Array[])[] = [
      () => [this.#noise(Math.floor(random.next() * 70_000))],
      () => [hello.subarray(0, Math.floor(random.next() * hello.length))],
      () => [damaged],
      // In the name of another node, or of nobody; then what only an open session may say.
      () => [hello, this.#noise(16), this.#noise(200)],
      () => [hello, hello],
      () => [hello, encodeHandshake({ type: 'confirm', echo: this.#noise(16) }), this.#noise(64)],
      () => [new Uint8Array(0)],
      () => Array.from({ length: 50 }, () => this.#noise(16)),
    ];
    return (attacks[Math.floor(random.next() * attacks.length)] as () => readonly Uint8Array[])();
  }

  #hello(): Uint8Array {
    const { random, cluster, names } = this.#needs;
    const name = random.next() < 0.7 ? (names[Math.floor(random.next() * names.length)] as string) : 'stranger';
    const credit = { bytes: 4_194_304, messages: 65_536 };
    const introduction: Introduction = {
      versionMin: 1,
      versionMax: 1,
      purpose: random.next() < 0.5 ? 'control' : 'data',
      cluster,
      clusterId: undefined,
      identity: { name, incarnation: Math.floor(random.next() * 2 ** 41) },
      address: { host: '127.0.0.1', port: 1 + Math.floor(random.next() * 65_000) },
      expected: undefined,
      nonce: this.#noise(16),
      frameBytes: 65_536,
      messageBytes: 67_108_864,
      credit: { normal: credit, bulk: credit },
      features: 0,
      littleEndian: true,
    };
    return encodeHandshake({ type: 'hello', introduction });
  }

  #noise(bytes: number): Uint8Array {
    return Uint8Array.from({ length: bytes }, () => Math.floor(this.#needs.random.next() * 256));
  }

  /** Ends a connection after a while; to be called when it has ended. */
  #bounded(destroy: () => void): () => void {
    const end = (): void => {
      clearTimeout(late);
      this.#ends.delete(end);
      destroy();
    };
    const late = setTimeout(end, CONNECTION_MS);
    this.#ends.add(end);
    return end;
  }
}
