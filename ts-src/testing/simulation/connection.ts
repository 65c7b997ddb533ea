/**
 * A connection of a simulated wire: two sides, each with a channel to the other one (`channel.ts`). One side may have ended, or given up, while the other one does not know. Datagrams travel
 * beside the ordered frames, are lost, doubled and overtake each other; they never overtake an ordered frame that was sent before.
 */
import type { CloseReason, Delivery, WireConnection, WireEvents } from '../../ports/wire.js';
import type { ThreadLife } from '../schedule.js';
import { Channel, type Frame, type Receiver, type Sender } from './channel.js';
import { Purpose } from './draws.js';
import { checksumOf, type Endpoints, type NetworkHost, type SimulatedNetwork } from './network.js';

/** Above it `drained` is called. */
const ROOM_BYTES = 1_048_576;
/** A goodbye that is not answered for so long is not waited for any more. */
const CLOSE_MS = 5000;
/** Of a connection that one's own side has cut off, as WebSockets say it. */
const ABNORMAL = 1006;
const CLOSE_TEXT_BYTES_MAX = 123;

export interface ConnectionNeeds {
  readonly network: SimulatedNetwork;
  readonly endpoints: Endpoints;
  readonly life: ThreadLife;
  readonly peerHost: NetworkHost;
  readonly remote: string;
}

export class SimulatedConnection implements WireConnection, Receiver, Sender {
  readonly remote: string;
  readonly certifiedNames = undefined;
  readonly roomBytes = ROOM_BYTES;
  unreadBytes = 0;
  readonly #needs: ConnectionNeeds;
  readonly #out: Channel;
  #peer: SimulatedConnection | undefined;
  #events: WireEvents | undefined;
  /** What came before anybody listened. */
  #early: (() => void)[] = [];
  /** `closing`: it has said goodbye. `ended`: its user is told, or does not care. */
  #state: 'open' | 'closing' | 'ended' = 'open';
  /** The process or the user knows nothing of it any more. */
  #isGone = false;
  #wasFull = false;
  #goodbye: { readonly code: number; readonly text: string } | undefined;
  #cancelForce: (() => void) | undefined;
  /** Ordered frames so far, and of those the ones that have arrived. */
  #sentFrames = 0;
  #arrivedFrames = 0;

  constructor(needs: ConnectionNeeds) {
    this.#needs = needs;
    this.remote = needs.remote;
    this.#out = new Channel(needs.network, needs.endpoints.host, needs.peerHost, this);
    needs.endpoints.connections.add(this);
  }

  /** Both sides know each other from now on. */
  static join(a: SimulatedConnection, b: SimulatedConnection): void {
    a.#peer = b;
    b.#peer = a;
    a.#out.receiver = b;
    b.#out.receiver = a;
  }

  get waitingBytes(): number {
    return this.#out.waitingBytes;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  listen(events: WireEvents): void {
    this.#events = events;
    for (const call of this.#early.splice(0)) this.#needs.life.post(call);
  }

  send(bytes: Uint8Array, delivery: Delivery): void {
    if (this.#state !== 'open') return;
    const { network, endpoints, peerHost } = this.#needs;
    const id = network.nextMessage();
    const { number: from } = endpoints.host;
    if (network.needs.hasTrace) network.needs.note('send', from, peerHost.number, id, `${delivery} ${bytes.length} ${checksumOf(bytes)}`);
    const link = network.link(from, peerHost.number);
    const message = link.messages++;
    if (delivery === 'datagram') return this.#sendDatagram(bytes, id, message);
    let content = bytes;
    if (link.isCorrupted(message)) {
      content = link.corrupted(bytes, message);
      network.needs.note('corrupt', from, peerHost.number, id, '');
    }
    this.#sentFrames++;
    this.#out.send({ bytes: content, close: undefined, id, message });
    if (this.#out.waitingBytes > ROOM_BYTES) this.#wasFull = true;
  }

  close(code: number, text: string): void {
    if (this.#state !== 'open') return;
    if (Buffer.byteLength(text) > CLOSE_TEXT_BYTES_MAX)
      throw new RangeError(`the text of a goodbye has at most ${CLOSE_TEXT_BYTES_MAX} bytes of UTF-8, not ${Buffer.byteLength(text)}`);
    this.#state = 'closing';
    this.#goodbye = { code, text };
    this.#sendClose(false, code, text);
    this.#cancelForce = this.#needs.network.needs.time.after(CLOSE_MS, () => {
      this.#abort();
      this.#end({ type: 'closed', byPeer: false, code, text });
    });
  }

  terminate(): void {
    if (this.#state === 'ended') return;
    this.#abort();
    this.#end({ type: 'closed', byPeer: false, code: ABNORMAL, text: '' });
  }

  processEnded(isSilent: boolean): void {
    this.#state = 'ended';
    this.#events = undefined;
    this.#early = [];
    this.#cancelForce?.();
    if (isSilent) {
      this.#isGone = true;
      this.#out.end();
    } else this.#abort();
  }

  arrived(frame: Frame): void {
    if (this.#isGone) return;
    const { network, endpoints, peerHost } = this.#needs;
    if (network.needs.hasTrace) network.needs.note('receive', peerHost.number, endpoints.host.number, frame.id, '');
    this.#arrivedFrames++;
    if (this.#state === 'ended') return;
    const { close } = frame;
    if (close !== undefined) {
      this.#whenHeard(() => this.#heardGoodbye(close));
      return;
    }
    const { length } = frame.bytes;
    this.unreadBytes += length;
    this.#whenHeard(() => {
      this.unreadBytes -= length;
      this.#hear(frame.bytes);
      const peer = this.#peer;
      if (peer !== undefined) peer.#out.wasRead();
    });
  }

  progressed(): void {
    if (!this.#wasFull || this.#out.waitingBytes > ROOM_BYTES) return;
    this.#wasFull = false;
    this.#needs.life.post(() => {
      if (this.#state === 'open') this.#events?.drained();
    });
  }

  wasReset(): void {
    this.#isGone = true;
    this.#out.end();
    this.#end({ type: 'failed', error: new Error(`the connection to ${this.remote} was reset by the peer`) });
  }

  broke(): void {
    this.#isGone = true;
    this.#end({ type: 'failed', error: new Error(`the connection to ${this.remote} timed out`) });
  }

  #sendDatagram(bytes: Uint8Array, id: number, message: number): void {
    const { network, endpoints, peerHost } = this.#needs;
    const { number: from } = endpoints.host;
    const { number: to } = peerHost;
    const { needs } = network;
    const link = network.link(from, to);
    if (link.conditions.isCut) return needs.note('lose', from, to, id, 'cut');
    if (link.isLost(message)) return needs.note('lose', from, to, id, 'lost');
    const behind = this.#sentFrames;
    const fly = (content: Uint8Array, purpose: number): void => {
      const arrive = (): void => {
        const peer = this.#peer;
        if (link.conditions.isClogged) {
          needs.note('hold', from, to, id, '');
          link.held.push(() => needs.time.after(0, arrive));
        } else if (link.conditions.isCut || !peerHost.isOn) needs.note('lose', from, to, id, peerHost.isOn ? 'cut' : 'off');
        else if (peer === undefined || peer.#isGone || peer.#state === 'ended') needs.note('lose', from, to, id, 'closed');
        // The frames before it are late: there is no room for what may be dropped.
        else if (peer.#arrivedFrames < behind) needs.note('lose', from, to, id, 'behind');
        else if (peer.unreadBytes + content.length > ROOM_BYTES) needs.note('lose', from, to, id, 'full');
        else {
          if (needs.hasTrace) needs.note('receive', from, to, id, '');
          peer.unreadBytes += content.length;
          peer.#whenHeard(() => {
            peer.unreadBytes -= content.length;
            peer.#hear(content);
          });
        }
      };
      const delayMs =
        link.delayMs(needs.time.nowMs, message, content.length, purpose) + link.reorderingDelayMs(message * 2 + (purpose === Purpose.latency ? 0 : 1));
      needs.time.after(delayMs, arrive);
    };
    const isCorrupted = link.isCorrupted(message);
    if (isCorrupted) needs.note('corrupt', from, to, id, '');
    fly(isCorrupted ? link.corrupted(bytes, message) : bytes, Purpose.latency);
    if (link.isDuplicated(message)) {
      needs.note('duplicate', from, to, id, '');
      fly(bytes, Purpose.secondLatency);
    }
  }

  #sendClose(isAnswer: boolean, code: number, text: string): void {
    const { network, endpoints, peerHost } = this.#needs;
    const link = network.link(endpoints.host.number, peerHost.number);
    this.#sentFrames++;
    this.#out.send({ bytes: NOTHING, close: { code, text, isAnswer }, id: network.nextMessage(), message: link.messages++ });
  }

  #heardGoodbye({ code, text, isAnswer }: { readonly code: number; readonly text: string; readonly isAnswer: boolean }): void {
    if (this.#state === 'ended') return;
    if (isAnswer || this.#state === 'closing') {
      const { code: ownCode, text: ownText } = this.#goodbye ?? { code, text };
      this.#isGone = true;
      this.#out.end();
      return this.#endNow({ type: 'closed', byPeer: false, code: ownCode, text: ownText });
    }
    this.#sendClose(true, code, text);
    this.#endNow({ type: 'closed', byPeer: true, code, text });
  }

  /** Only while somebody listens, and as bytes of its own, which are spoilt afterwards: whoever has kept them notices. */
  #hear(bytes: Uint8Array): void {
    if (this.#state === 'ended') return;
    const own = bytes.slice();
    this.#events?.received(own);
    own.fill(0xdb);
  }

  #whenHeard(call: () => void): void {
    if (this.#events === undefined) this.#early.push(call);
    else this.#needs.life.post(call);
  }

  /** Nothing of this side goes on; the other one is told, if the network lets it. */
  #abort(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#out.end();
    const { network, endpoints, peerHost } = this.#needs;
    const link = network.link(endpoints.host.number, peerHost.number);
    const message = link.messages++;
    const peer = this.#peer;
    if (peer === undefined || link.isBlocked || link.isLost(message)) return;
    network.needs.time.after(link.delayMs(network.needs.time.nowMs, message, 0), () => {
      if (!link.isBlocked && peerHost.isOn && !peer.#isGone) peer.wasReset();
    });
  }

  #end(reason: CloseReason): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#cancelForce?.();
    this.#needs.endpoints.connections.delete(this);
    this.#whenHeard(() => this.#tell(reason));
  }

  #endNow(reason: CloseReason): void {
    this.#state = 'ended';
    this.#cancelForce?.();
    this.#needs.endpoints.connections.delete(this);
    this.#tell(reason);
  }

  #tell(reason: CloseReason): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed(reason);
  }
}

const NOTHING = new Uint8Array(0);
