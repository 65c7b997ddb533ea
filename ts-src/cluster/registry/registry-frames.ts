/** What the registry says to other nodes within a turn, as one frame for each of them; and what comes from them. What cannot be sent now is lost: whoever said it says it again. */
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { Lane, Transport } from '../../ports/transport.js';
import { decodedFrame, encodedFrame, encodedMessage } from '../../protocols/registry/registry-codec.js';
import type { RegistryMessage } from '../../protocols/registry/registry-messages.js';
import { Channel } from '../channels.js';

/** What waits for one node goes when it is more than this. */
const WAITING_BYTES_MAX = 256 * 1024;

interface Waiting {
  readonly to: NodeIdentity;
  readonly lane: Lane;
  messages: Uint8Array[];
  bytes: number;
}

export class RegistryFrames {
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Waiting>();
  #isScheduled = false;
  #isClosed = false;
  /** What is called at the end of a turn in which something was said, before it is sent. */
  readonly #turnEnds: () => void;

  constructor(transport: Transport, logger: Logger, turnEnds: () => void, received: (from: NodeIdentity, message: RegistryMessage) => void) {
    this.#transport = transport;
    this.#logger = logger;
    this.#turnEnds = turnEnds;
    transport.listen(Channel.registry, ({ from, value }) => {
      if (this.#isClosed || !(value instanceof Uint8Array)) return;
      for (const message of this.#decoded(from, value)) received(from, message);
    });
  }

  send(to: NodeIdentity, message: RegistryMessage): void {
    if (this.#isClosed) return;
    const lane = laneOf(message);
    const key = `${lane} ${nodeKey(to)}`;
    let waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      waiting = { to, lane, messages: [], bytes: 0 };
      this.#waiting.set(key, waiting);
    }
    const bytes = encodedMessage(message);
    if (waiting.bytes + bytes.length > WAITING_BYTES_MAX) this.#give(waiting);
    waiting.messages.push(bytes);
    waiting.bytes += bytes.length;
    this.schedule();
  }

  /** At the end of this turn everything goes. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    this.#turnEnds();
    this.#isScheduled = false;
    for (const waiting of this.#waiting.values()) if (waiting.messages.length > 0) this.#give(waiting);
  }

  forget(node: NodeIdentity): void {
    for (const lane of ['control', 'normal'] as const) this.#waiting.delete(`${lane} ${nodeKey(node)}`);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  #give(waiting: Waiting): void {
    const value = encodedFrame(waiting.messages);
    waiting.messages = [];
    waiting.bytes = 0;
    this.#transport.send(waiting.to, waiting.lane, { channel: Channel.registry, value });
  }

  #decoded(from: NodeIdentity, bytes: Uint8Array): RegistryMessage[] {
    try {
      return decodedFrame(bytes);
    } catch (error) {
      this.#logger.warn({ error, node: from.name }, 'what another node said about registrations cannot be understood');
      return [];
    }
  }
}

/** What somebody waits for goes before what fills directories. */
function laneOf({ type }: RegistryMessage): Lane {
  return type === 'report' || type === 'delta' || type === 'state' ? 'normal' : 'control';
}
