/** Where the result of a message goes that another node has asked. */
import type { MessageCodec } from '../../codec/declared/lazy-codec.js';
import type { MessageTrace } from '../../model/message-trace.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import type { ReplyPort } from '../../runtime/pending-asks.js';

/** Sends a reply, or an error in its place where it cannot be sent. */
export interface ReplySender {
  reply(to: NodeIdentity, slot: number, sequence: number, value: unknown): void;
  replyError(to: NodeIdentity, slot: number, sequence: number, error: unknown): void;
}

export class NodeReply implements ReplyPort {
  readonly node: NodeIdentity;
  readonly slot: number;
  readonly sequence: number;
  readonly deadlineMs: number;
  sender: AgentReference | undefined = undefined;
  trace: MessageTrace | undefined = undefined;
  /** Of the declared shape of the reply, when the action is known. */
  codec: MessageCodec | undefined = undefined;
  readonly #send: ReplySender;

  constructor(send: ReplySender, node: NodeIdentity, slot: number, sequence: number, deadlineMs: number) {
    this.#send = send;
    this.node = node;
    this.slot = slot;
    this.sequence = sequence;
    this.deadlineMs = deadlineMs;
  }

  reply(value: unknown): void {
    if (this.codec !== undefined) {
      try {
        this.codec.check(value);
      } catch (error) {
        return this.fail(error);
      }
    }
    this.#send.reply(this.node, this.slot, this.sequence, value);
  }

  fail(error: unknown): void {
    this.#send.replyError(this.node, this.slot, this.sequence, error);
  }
}
