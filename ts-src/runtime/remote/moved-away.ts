/** Agents that were of this nexus and have moved to another node, by the address that references of a thread still hold. Each thread has its own. */
import type { RemoteAgent } from '../../model/remote-agent.js';
import type { AgentReference } from '../agent-reference.js';
import { lifeOf } from './agent-life.js';

/** The oldest give way: a reference that is older than so many moves finds its agent ended. */
const REMEMBERED_MAX = 1_048_576;

export class MovedAway {
  readonly #agents = new Map<number, { readonly id: string; readonly remote: RemoteAgent }>();

  add(slot: number, generation: number, id: string, remote: RemoteAgent): void {
    this.#agents.set(lifeOf(slot, generation), { id, remote });
    if (this.#agents.size > REMEMBERED_MAX) for (const oldest of this.#agents.keys()) return void this.#agents.delete(oldest);
  }

  has(slot: number, generation: number): boolean {
    return this.#agents.size > 0 && this.#agents.has(lifeOf(slot, generation));
  }

  /** Sets a reference to where its agent is now. False if nothing is known of it. */
  follow(target: AgentReference): boolean {
    if (this.#agents.size === 0 || target.slot === 0) return false;
    const found = this.#agents.get(lifeOf(target.slot, target.generation));
    if (found === undefined) return false;
    target.becomeRemote(found.remote, found.id);
    return true;
  }
}
