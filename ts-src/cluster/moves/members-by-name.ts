/** Members by the names that users give, and a little patience: a node that has just joined knows that itself before the others do. */
import { optionError, quoted } from '../../errors.js';
import { listed } from '../../model/nearest-name.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { ViewMember } from '../../protocols/views/view.js';

/** A name that is no member's is waited for no longer: it may be a wrong one. */
const MEMBER_WAIT_MS = 1000;

export class MembersByName {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #members: readonly ViewMember[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of the view that this node knows. */
  get members(): readonly ViewMember[] {
    return this.#members;
  }

  viewed(members: readonly ViewMember[]): void {
    this.#members = members;
    for (const look of [...this.#waiting]) look();
  }

  find(name: string): NodeIdentity | undefined {
    const member = this.#members.find((each) => each.name === name);
    return member && { name: member.name, incarnation: member.incarnation };
  }

  /** The member of this name, now or within a second. Rejects with NexusTypeError NEXUS_OPTION_INVALID. */
  async named(name: string, timeoutMs: number): Promise<NodeIdentity> {
    const member = await this.#comes(() => this.find(name), timeoutMs);
    if (member !== undefined) return member;
    throw optionError('node', `is ${quoted(name)}, which is no member of the cluster; members are ${listed(this.#members.map((each) => each.name))}`);
  }

  /** Resolves when this start of a node is a member or was one, a later one being it, or after a second. */
  async known({ name, incarnation }: NodeIdentity, timeoutMs: number): Promise<void> {
    await this.#comes(() => this.#members.find((each) => each.name === name && each.incarnation >= incarnation), timeoutMs);
  }

  #comes(find: () => NodeIdentity | undefined, timeoutMs: number): Promise<NodeIdentity | undefined> {
    return new Promise((resolve) => {
      const here = find();
      if (here !== undefined) return resolve(here);
      const settle = (member: NodeIdentity | undefined): void => {
        cancel();
        this.#waiting.delete(look);
        resolve(member);
      };
      const look = (): void => {
        const member = find();
        if (member !== undefined) settle(member);
      };
      const cancel = this.#clock.after(Math.min(timeoutMs, MEMBER_WAIT_MS), () => settle(undefined));
      this.#waiting.add(look);
    });
  }
}
