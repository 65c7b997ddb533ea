/** Mailboxes of a thread that no agent uses at the moment. */
import { Mailbox } from './mailbox.js';

/** Messages that all pooled mailboxes together have room for: what a burst left behind is kept for the next one, up to here. */
const ROOM_MAX = 1 << 18;

export class MailboxPool {
  readonly #free: Mailbox[] = [];
  #room = 0;

  lend(): Mailbox {
    const box = this.#free.pop();
    if (box === undefined) return new Mailbox();
    this.#room -= box.room;
    return box;
  }

  /** It is empty, and nobody holds it any more. */
  giveBack(box: Mailbox): void {
    box.isCongested = false;
    if (this.#room + box.room > ROOM_MAX) return;
    this.#room += box.room;
    this.#free.push(box);
  }
}
