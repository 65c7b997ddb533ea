/**
 * What a decision, a query or an update may know beside the state and the message: values, so that it is pure. The runtime reads them off the context of the agent
 * when they are first used, once for each message; a test makes them with `facts`.
 */
import type { AgentContext, Slices } from './agent-context.js';
import type { AgentRef } from './agent-ref.js';

/** What a decision, query or update may know beside state and input. All of it is data, so that a test can make it: `facts`. */
export interface Facts {
  /** Of the agent. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
  /** Milliseconds of a clock that never goes back; its zero means nothing. */
  readonly nowMs: number;
  /** One number of the agent's seeded sequence, 0 ≤ x < 1. The same each time it is read in one decision. */
  readonly random: number;
  /** The agent that sent the message; undefined for messages sent with a plain reference. */
  readonly sender: AgentRef | undefined;
  /** The slices of the agent's skills, by name: to be read. `Skill.slice(facts)` has the type. */
  readonly skills: Slices;
}

/** Facts for a test: what is not given is `{ id: 'agent', epochMs: 0, nowMs: 0, random: 0, sender: undefined, skills: {} }`. */
export function facts(given: Partial<Facts> = {}): Facts {
  return { id: 'agent', epochMs: 0, nowMs: 0, random: 0, sender: undefined, skills: {}, ...given };
}

/** The facts of the message that is being handled. */
export function factsOf(ctx: AgentContext): Facts {
  return new CapturedFacts(ctx);
}

/** Each is read when it is first asked for: most decisions need none or one. */
class CapturedFacts implements Facts {
  readonly #ctx: AgentContext;
  #epochMs: number | undefined;
  #nowMs: number | undefined;
  #random: number | undefined;

  constructor(ctx: AgentContext) {
    this.#ctx = ctx;
  }

  get id(): string {
    return this.#ctx.id;
  }

  get epochMs(): number {
    this.#epochMs ??= this.#ctx.clock.epochMs();
    return this.#epochMs;
  }

  get nowMs(): number {
    this.#nowMs ??= this.#ctx.clock.nowMs();
    return this.#nowMs;
  }

  get random(): number {
    this.#random ??= this.#ctx.random();
    return this.#random;
  }

  get sender(): AgentRef | undefined {
    return this.#ctx.sender;
  }

  get skills(): Slices {
    return this.#ctx.skills;
  }
}
