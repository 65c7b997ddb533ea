/** How a thread comes back to what it does later. On the machine that is the event loop; a simulation of several threads in one decides itself who runs next. */
export interface Turns {
  /** After what runs now, and before the thread visits its event loop. */
  soon(task: () => void): void;
  /** On the next visit of the event loop. */
  later(task: () => void): void;
  /** Messages to handle before the event loop is visited again: asked once a visit. */
  messagesMax(): number;
  /** Messages to take from one ring before the next one has its turn: asked once a ring and visit. */
  readsMax(): number;
}
