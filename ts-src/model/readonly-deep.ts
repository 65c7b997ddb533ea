/** The type of a state that may be read and not changed, to any depth. What methods change inside (of dates, typed arrays, classes) it does not see. Types only. */

type Untouched =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  // biome-ignore lint/suspicious/noExplicitAny: any function
  | ((...rest: any[]) => unknown)
  | Date
  | RegExp
  | Error
  | ArrayBufferView
  | Promise<unknown>
  | Reference;
// biome-ignore lint/suspicious/noExplicitAny: any reference to an agent
type Reference = { tell(...rest: any[]): unknown; ask(...rest: any[]): unknown };

/** A state as decisions, queries and updates see it: nothing in it can be assigned, at any depth. */
export type ReadonlyDeep<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : T extends Untouched
      ? T
      : T extends ReadonlyMap<infer K, infer V>
        ? ReadonlyMap<K, ReadonlyDeep<V>>
        : T extends ReadonlySet<infer V>
          ? ReadonlySet<ReadonlyDeep<V>>
          : { readonly [N in keyof T]: ReadonlyDeep<T[N]> };
