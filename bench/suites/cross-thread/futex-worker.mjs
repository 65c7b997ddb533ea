/** The other end of `futex.mjs`. Ends when it is terminated. */
import { workerData as words } from 'node:worker_threads';

for (let answered = 0; ; answered++) {
  Atomics.wait(words, 0, answered);
  Atomics.store(words, 1, answered + 1);
  Atomics.notify(words, 1);
}
