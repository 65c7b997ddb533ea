/**
 * Frames of which only the newest counts, to one client: while it has not taken the last one, newer ones replace each other, so that at most two are held for it,
 * however slow it is.
 */
export interface FrameSocket {
  send(data: string, sent: (error?: Error | null) => void): void;
}

export class NewestFrame {
  readonly #socket: FrameSocket;
  #isSending = false;
  #waiting: (() => string) | undefined;

  constructor(socket: FrameSocket) {
    this.#socket = socket;
  }

  /** @param frame makes the frame; called only if it is sent, and not before that */
  offer(frame: () => string): void {
    this.#waiting = frame;
    if (!this.#isSending) this.#sendNext();
  }

  #sendNext(): void {
    const frame = this.#waiting;
    if (frame === undefined) return;
    this.#waiting = undefined;
    this.#isSending = true;
    this.#socket.send(frame(), () => {
      this.#isSending = false;
      this.#sendNext();
    });
  }
}
