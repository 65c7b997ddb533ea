/** Policies within each other as one policy. The first is the outermost: `wrap(a, b, c)` calls a, which calls b, which calls c, which calls the operation. */
import { type ANSWER, type Operation, Policy } from './policy.js';
import type { PolicyContext } from './policy-context.js';

/** What the calls of this policy, or of any of these, may resolve with instead. */
export type AnswerOf<P> = P extends { readonly [ANSWER]?: () => infer F } ? F : never;
/** Any policy, for `wrap`. */
export type AnyPolicy = Policy<unknown>;

/** Policies, one around the other. As `wrap` makes it. */
export class Wrapped<F> extends Policy<F> {
  /** The outermost first. */
  readonly policies: readonly AnyPolicy[];

  constructor(policies: readonly AnyPolicy[]) {
    super();
    this.policies = policies;
  }

  run<T>(operation: Operation<T>, context: PolicyContext): Promise<T | F> {
    // Only what the operation resolves with, or a fallback among the policies, can come out.
    let inner: Operation<unknown> = operation;
    for (let index = this.policies.length - 1; index > 0; index--) {
      const policy = this.policies[index] as AnyPolicy;
      const called = inner;
      inner = (each) => policy.run(called, each);
    }
    return (this.policies[0] as AnyPolicy).run(inner, context) as Promise<T | F>;
  }
}
