/** Policies within each other as one policy. The first is the outermost: `wrap(a, b, c)` calls a, which calls b, which calls c, which calls the operation. */
import { type Operation, Policy } from './policy.js';
import type { PolicyContext } from './policy-context.js';

/** What the calls of this policy, or of any of these, may resolve with instead. */
export type AnswerOf<P> = P extends { run<T>(operation: Operation<T>, context: PolicyContext): Promise<T | infer F> } ? F : never;
// biome-ignore lint/suspicious/noExplicitAny: policies of any answers and events
export type AnyPolicy = Policy<any, any>;

/** Its events are those of the policies: listen to them. */
export class Wrapped<F> extends Policy<F, never> {
  readonly policies: readonly AnyPolicy[];

  constructor(policies: readonly AnyPolicy[], report: (error: unknown) => void) {
    super(report);
    this.policies = policies;
  }

  run<T>(operation: Operation<T>, context: PolicyContext): Promise<T | F> {
    let inner = operation;
    for (let index = this.policies.length - 1; index > 0; index--) {
      const policy = this.policies[index] as AnyPolicy;
      const called = inner;
      inner = (each) => policy.run(called, each);
    }
    return (this.policies[0] as AnyPolicy).run(inner, context);
  }
}
