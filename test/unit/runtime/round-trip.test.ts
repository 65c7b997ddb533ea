/** What a round trip to another thread says when that thread, or this one, was lost meanwhile. */
import { expect, test } from 'vitest';
import { threadFailed, threadLost } from '../../../dist/ts-src/runtime/failures.js';
import { MessageRouter } from '../../../dist/ts-src/runtime/message-router.js';

/** Of thread 1. */
class Router extends MessageRouter {
  requests = 0;
  readonly #answers: (Error | undefined)[];

  constructor(...answers: (Error | undefined)[]) {
    super({ thread: 1 } as never);
    this.#answers = answers;
  }

  override async request(): Promise<never> {
    const answer = this.#answers[this.requests++];
    if (answer !== undefined) throw answer;
    return undefined as never;
  }
}

test.each([
  ['it has answered', [undefined], true],
  ['it is lost, and has a successor or will have one', [threadLost(2, 'a round trip')], false],
  ['it is lost for good: nobody is left to answer', [threadFailed(2, 'a round trip')], true],
  ['it has answered the predecessor of this thread first, of whose loss it had not heard', [threadLost(1, 'a round trip'), undefined], true],
] as const)('a round trip: %s', async (_what, answers, isSeen) => {
  const router = new Router(...answers);
  expect([await router.roundTrip(2), router.requests]).toEqual([isSeen, answers.length]);
});
