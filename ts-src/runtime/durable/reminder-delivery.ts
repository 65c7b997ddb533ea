/**
 * Brings a due reminder to its agent: on the calling thread it is decided who has the agent, on its thread it is brought back and handles it. In a cluster the owner of an id delivers its reminders, and asks the node that runs the
 * agent. When they are due is `reminder-service.ts`.
 */
import type { Reminder, ThreadStorage } from '../../ports/storage.js';
import { agentNotFound } from '../failures.js';
import type { Kind } from '../kind.js';
import type { ThreadHost } from '../thread-host.js';
import type { Activations } from './activations.js';
import type { ClusterStates } from './cluster-states.js';
import type { DurableHandlers } from './durable-handlers.js';
import type { StoredStates } from './stored-state.js';

/** A handler of a reminder may take its time: this only bounds how long its delivery is taken to be under way. */
const REMIND_TIMEOUT_MS = 600_000;

export interface ReminderDeliveryNeeds {
  readonly host: ThreadHost;
  readonly storage: ThreadStorage;
  readonly states: StoredStates;
  readonly activations: Activations;
  readonly handlers: DurableHandlers;
  cluster(): ClusterStates | undefined;
  /** What claims agents of that id; undefined for one of this node only. */
  clusterOf(kind: Kind, id: string): ClusterStates | undefined;
}

export class ReminderDelivery {
  readonly #needs: ReminderDeliveryNeeds;

  constructor(needs: ReminderDeliveryNeeds) {
    this.#needs = needs;
  }

  /** Whether this node delivers the reminders of that agent now. */
  isOwn(name: string, id: string): boolean {
    const { host, cluster } = this.#needs;
    if (host.remote === undefined || host.kinds.find(name)?.isOfNode === true) return true;
    // Before this nexus is a member, it does not know what is its own.
    return cluster()?.delivers(name, id) ?? false;
  }

  /** On the calling thread. Resolves when it is handled and that is stored. */
  async deliver(reminder: Reminder): Promise<void> {
    const { host, clusterOf } = this.#needs;
    const kind = host.kinds.byName(reminder.kind);
    const place = clusterOf(kind, reminder.id)?.placeOf(reminder.id);
    if (place !== undefined && host.remote !== undefined) return host.remote.request(place, undefined, 'deliverReminder', reminder, REMIND_TIMEOUT_MS);
    await this.deliverHere(reminder);
  }

  /** To an agent of this node, on whichever thread. */
  async deliverHere(reminder: Reminder): Promise<void> {
    const { directory, engine, kinds, router, thread } = this.#needs.host;
    const kind = kinds.byName(reminder.kind);
    const live = directory.find(reminder.id, undefined);
    const owner = live === undefined ? -1 : engine.table.threadOf(live.slot, live.generation);
    const at = owner >= 0 ? owner : this.#needs.host.homeOf(kind, reminder.id);
    if (at === thread) return this.remind(reminder);
    await router.request(at, 'remind', reminder, REMIND_TIMEOUT_MS, { kind: reminder.kind, id: reminder.id });
  }

  /** To an agent that is on this thread, or returns here. */
  async remind(reminder: Reminder): Promise<void> {
    const { host, states, activations, handlers, clusterOf } = this.#needs;
    const kind = host.kinds.byName(reminder.kind);
    const entry = kind.action(reminder.action);
    const agent = await activations.startHere(kind, reminder.id);
    const cell = host.cells.get(agent.slot, agent.generation);
    if (cell === undefined) throw agentNotFound(kind.name, reminder.id);
    // In a cluster it may have been handled where the agent was before.
    if (clusterOf(kind, reminder.id) !== undefined && !this.#isStored(reminder)) return;
    const input = reminder.input === undefined ? undefined : states.decode(reminder.input);
    await new Promise<unknown>((resolve, reject) => {
      host.router.sentLocal++;
      host.dispatcher.enqueue(
        cell,
        handlers.reminded(entry, reminder),
        input,
        { deadlineMs: 0, sender: undefined, trace: undefined, reply: resolve, fail: reject },
        undefined,
      );
    });
  }

  #isStored({ kind, id, name, dueEpochMs }: Reminder): boolean {
    return this.#needs.storage.remindersOf(kind, id).some((each) => each.name === name && each.dueEpochMs === dueEpochMs);
  }
}
