/** Messages to whatever agent has an id on some node: they wait, in order, until the registry says which one it is. Once it is known, messages go straight there. */
import type { TellOutcome } from '../../model/agent-ref.js';
import type { MessageTrace } from '../../model/message-trace.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Registry } from '../../ports/registry.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import type { Kind } from '../../runtime/kind.js';
import { NO_TRAIL, type Route, type UnderwayMessage } from './route.js';

const LOOKUP_TIMEOUT_MS = 10_000;
/** Ids that are being looked up, and messages for one; more are refused. */
const LOOKUPS_MAX = 16_384;
const WAITING_MAX = 16_384;

export interface AddressedMessagesNeeds {
  registry(): Registry | undefined;
  self(): NodeIdentity;
  find(id: string): AgentReference | undefined;
  kindOf(name: string): Kind | undefined;
  route(registration: Registration, kind: Kind | undefined): Route;
  dispatch(route: Route, message: UnderwayMessage): TellOutcome;
  tellHere(agent: AgentReference, action: string, input: unknown, sender: AgentReference | undefined): TellOutcome;
  dead(id: string, action: string): void;
  copy(value: unknown): unknown;
}

interface Addressed {
  readonly action: string;
  readonly input: unknown;
  readonly sender: AgentReference | undefined;
  readonly trace: MessageTrace | undefined;
}

export class AddressedMessages {
  readonly #needs: AddressedMessagesNeeds;
  readonly #waiting = new Map<string, Addressed[]>();

  constructor(needs: AddressedMessagesNeeds) {
    this.#needs = needs;
  }

  send(id: string, action: string, input: unknown, sender: AgentReference | undefined, trace: MessageTrace | undefined): TellOutcome {
    const needs = this.#needs;
    const registry = needs.registry();
    if (registry === undefined) {
      needs.dead(id, action);
      return 'noAgent';
    }
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) {
      if (waiting.length >= WAITING_MAX) return 'full';
      waiting.push({ action, input: needs.copy(input), sender, trace });
      return 'accepted';
    }
    const known = registry.cached(id);
    if (known !== undefined && !sameNode(known.host, needs.self())) return this.#go(known, { action, input, sender, trace });
    if (this.#waiting.size >= LOOKUPS_MAX) return 'full';
    this.#waiting.set(id, [{ action, input: needs.copy(input), sender, trace }]);
    registry.lookup(id, LOOKUP_TIMEOUT_MS).then(
      (found) => this.#found(id, found),
      () => this.#found(id, undefined),
    );
    return 'accepted';
  }

  #found(id: string, found: Registration | undefined): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const message of waiting) {
      try {
        // It may have been started here meanwhile.
        const here = this.#needs.find(id);
        if (here !== undefined) this.#needs.tellHere(here, message.action, message.input, message.sender);
        else if (found !== undefined) this.#go(found, message);
        else this.#needs.dead(id, message.action);
      } catch {
        // The action or the shape is of another kind: nobody waits for the outcome.
        this.#needs.dead(id, message.action);
      }
    }
  }

  /** @throws NexusTypeError NEXUS_ACTION_UNKNOWN, NEXUS_SHAPE_MISMATCH, NEXUS_NOT_CLONEABLE */
  #go(found: Registration, { action, input, sender, trace }: Addressed): TellOutcome {
    const kind = this.#needs.kindOf(found.kind);
    kind?.action(action).input?.check(input);
    const route = this.#needs.route(found, kind);
    return this.#needs.dispatch(route, {
      type: 'message',
      origin: undefined,
      trail: NO_TRAIL,
      kind: found.kind,
      action,
      input,
      reply: undefined,
      sender,
      trace,
    });
  }
}
