/**
 * Fault points: a view of a shared memory that calls `step` before every access to a word of it, plain or atomic. Modules that are to be stopped are imported after
 * this one, because some of them take functions of `Atomics` when they are loaded. Used inside of the worker that dies; other threads see the plain memory.
 */
const wordsOf = new WeakMap();
let step = () => undefined;

for (const name of ['load', 'store', 'compareExchange', 'exchange', 'add', 'sub', 'notify', 'wait', 'waitAsync']) {
  const atomic = Atomics[name];
  Atomics[name] = (array, ...rest) => {
    const words = wordsOf.get(array);
    if (words === undefined) return atomic(array, ...rest);
    step();
    return atomic(words, ...rest);
  };
}

/** What runs before every access from now on. */
export function onStep(callback) {
  step = callback;
}

/** The same memory; every access to its `words` is a step. */
export function stepped(shared) {
  const words = new Proxy(shared.words, {
    get(target, name) {
      if (!isIndex(name)) return Reflect.get(target, name, target);
      step();
      return target[name];
    },
    set(target, name, value) {
      if (isIndex(name)) step();
      target[name] = value;
      return true;
    },
  });
  wordsOf.set(words, shared.words);
  return { ...shared, words };
}

/**
 * Counts steps and stops this thread for ever at the one with the number `stopAt`, after it has told where it is. With `stopAt` 0 it only measures: `states` are the
 * steps at which the memory is not what it was one step before, that is, all states that a thread killed at any step can leave; `hidden` are those of them where only
 * words have changed that `isHidden(word)` says nobody else looks at. Step 1 is the first.
 */
export function faultPoint(shared, stopAt, tell, isHidden = () => false) {
  const ended = new Int32Array(new SharedArrayBuffer(4));
  let count = 0;
  let before = stopAt === 0 ? Int32Array.from(shared.words) : undefined;
  const states = [];
  const hidden = [];
  const look = () => {
    const now = Int32Array.from(shared.words);
    const same = Buffer.from(now.buffer).equals(Buffer.from(before.buffer));
    if (count > 1 && same) return;
    states.push(count);
    if (count > 1 && now.every((word, index) => word === before[index] || isHidden(index))) hidden.push(count);
    before = now;
  };
  const reached = () => {
    count++;
    if (stopAt === 0) look();
    else if (count === stopAt) {
      tell({ at: count });
      Atomics.wait(ended, 0, 0);
    }
  };
  return {
    reached,
    /** The call is over: killed now, the thread leaves what is there after its last step. */
    finish(result) {
      count++;
      if (stopAt === 0) look();
      tell(stopAt === 0 ? { measured: count, states, hidden, result } : { at: count, result });
      if (stopAt !== 0) Atomics.wait(ended, 0, 0);
    },
  };
}

function isIndex(name) {
  return typeof name === 'string' && name.charCodeAt(0) >= 48 && name.charCodeAt(0) <= 57;
}
