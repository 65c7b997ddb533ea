/** What the registry says to other nodes within a turn, as one frame for each of them; and what comes from them. What cannot be sent now is lost: whoever said it says it again. */
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { Lane, Transport } from '../../ports/transport.js';
import { ByteWriter } from '../../protocols/bytes/byte-writer.js';
import { Recurring } from '../../protocols/bytes/recurring.js';
import { decodedFrame, encodedMessage, FRAME_BYTES_MAX } from '../../protocols/registry/registry-codec.js';
import type { RegistryMessage } from '../../protocols/registry/registry-messages.js';
import { Channel } from '../channels.js';

/** What waits for one node goes when it is more than this. */
const WAITING_BYTES_MAX = 256 * 1024;
/** What is written for one node is written in the same memory again, unless that has become larger than most frames need. */
const KEPT_BYTES_MAX = 16 * 1024;

interface Waiting {
  readonly to: NodeIdentity;
  readonly lane: Lane;
  /** Messages, each behind its length. */
  frame: ByteWriter;
}

export class RegistryFrames {
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Waiting>();
  /** Of one message at a time. */
  readonly #writer = new ByteWriter(FRAME_BYTES_MAX);
  readonly #recurring = new Recurring();
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
      waiting = { to, lane, frame: emptyFrame() };
      this.#waiting.set(key, waiting);
    }
    const bytes = encodedMessage(message, this.#writer);
    if (waiting.frame.length + bytes.length > WAITING_BYTES_MAX) this.#give(waiting);
    waiting.frame.bytes(bytes);
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
    for (const waiting of this.#waiting.values()) if (waiting.frame.length > 0) this.#give(waiting);
  }

  forget(node: NodeIdentity): void {
    for (const lane of ['control', 'normal'] as const) this.#waiting.delete(`${lane} ${nodeKey(node)}`);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  #give(waiting: Waiting): void {
    const value = waiting.frame.take();
    if (value.length > KEPT_BYTES_MAX) waiting.frame = emptyFrame();
    else waiting.frame.reset();
    this.#transport.send(waiting.to, waiting.lane, { channel: Channel.registry, value });
  }

  #decoded(from: NodeIdentity, bytes: Uint8Array): RegistryMessage[] {
    try {
      return decodedFrame(bytes, this.#recurring);
    } catch (error) {
      this.#logger.warn({ error, node: from.name }, 'what another node said about registrations cannot be understood');
      return [];
    }
  }
}

function emptyFrame(): ByteWriter {
  return new ByteWriter(FRAME_BYTES_MAX * 2);
}

/** What somebody waits for goes before what fills directories. */
function laneOf({ type }: RegistryMessage): Lane {
  return type === 'report' || type === 'delta' || type === 'state' ? 'normal' : 'control';
}
