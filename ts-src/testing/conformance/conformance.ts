/** What the conformance suites take from a test runner, and what they wait with. A suite is called once, with a function that registers a test and one that makes what is tested. */

/** What `test` of node:test, Vitest, Jest and others is. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void;

/** Lets time pass, real or simulated, until the condition holds; fails when it does not in a time that is more than enough. */
export type Until = (condition: () => boolean) => Promise<void>;

/** Also where promises settle only while simulated time passes. */
export async function settled<T>(until: Until, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const done = (): void => {
    isSettled = true;
  };
  promise.then(done, done);
  await until(() => isSettled);
  return promise;
}
