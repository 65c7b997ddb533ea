/** `nexus.forget` and `ctx.forget`: an agent ends for good, and what is stored of it is deleted, wherever it is. */
import { type ErrorCode, NexusError, optionError } from '../../errors.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { ThreadStorage } from '../../ports/storage.js';
import type { Kind } from '../kind.js';
import type { ThreadHost } from '../thread-host.js';
import type { Activations } from './activations.js';
import { type ClusterStates, elsewhereOf } from './cluster-states.js';
import { DurableRecord } from './durable-record.js';
import type { StateWriter } from './state-writer.js';

/** How long the end of an agent is waited for. */
const END_TIMEOUT_MS = 30_000;
const AGAIN_MS = 50;
/** The other node is lost, or has not the agent any more. */
const LOOKED_AGAIN: readonly ErrorCode[] = ['NEXUS_NODE_UNREACHABLE', 'NEXUS_OUTCOME_UNKNOWN', 'NEXUS_ID_DUPLICATE'];

export interface ForgettingNeeds {
  readonly host: ThreadHost;
  readonly storage: ThreadStorage;
  readonly activations: Activations;
  readonly writer: StateWriter;
  /** What claims and copies agents of that id; undefined for one of this node only. */
  clusterOf(kind: Kind, id: string): ClusterStates | undefined;
}

export class Forgetting {
  readonly #needs: ForgettingNeeds;

  constructor(needs: ForgettingNeeds) {
    this.#needs = needs;
  }

  /**
   * @param isAsked another node asks, and looks again itself if the agent is not here: nodes that contradict each other do not wait for each other
   * @throws NexusTypeError NEXUS_OPTION_INVALID
   */
  async forget(kind: Kind, id: string, isAsked = false): Promise<void> {
    const { host, storage, activations, clusterOf } = this.#needs;
    const { directory, engine, lifecycle, router, stopping, thread } = host;
    if (!kind.isDurable) throw optionError('forget', `kind '${kind.name}' is not durable: nothing of it is stored`);
    const deadlineMs = host.clock.nowMs() + END_TIMEOUT_MS;
    for (;;) {
      await activations.settled(kind, id);
      const live = directory.find(id, kind.definition);
      if (live !== undefined) {
        const at = engine.table.threadOf(live.slot, live.generation);
        const address = { slot: live.slot, generation: live.generation };
        if (at === thread) await this.forgetHere(live.slot, live.generation);
        else if (at >= 0) await router.request(at, 'forget', address, END_TIMEOUT_MS, live);
        continue;
      }
      const ending = directory.findEnding(id);
      if (ending !== undefined) {
        await stopping.whenEnded(ending, END_TIMEOUT_MS);
        continue;
      }
      const cluster = clusterOf(kind, id);
      if (cluster === undefined && !storage.has(kind.name, id)) return;
      // It has the id meanwhile, so that nobody brings the agent back.
      const place = lifecycle.reserve(kind, id);
      if (place === undefined) continue;
      let node: NodeIdentity | undefined;
      try {
        return await this.#deleteStored(kind, id, cluster);
      } catch (error) {
        node = elsewhereOf(error);
        if (node === undefined || isAsked || host.remote === undefined) throw error;
      } finally {
        lifecycle.release(place);
      }
      // The agent may come here meanwhile.
      if (await this.#forgottenBy(node, kind, id, deadlineMs)) return;
    }
  }

  /** False if who has the agent has changed meanwhile: it is looked for again. To forget twice is to forget. */
  async #forgottenBy(node: NodeIdentity, kind: Kind, id: string, deadlineMs: number): Promise<boolean> {
    const { clock, remote } = this.#needs.host;
    try {
      await remote?.request(node, undefined, 'forgetStored', { kind: kind.name, id }, END_TIMEOUT_MS);
      return true;
    } catch (error) {
      if (!(error instanceof NexusError) || !LOOKED_AGAIN.includes(error.code) || clock.nowMs() >= deadlineMs) throw error;
    }
    await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
    return false;
  }

  /** Ends an agent of this thread, and deletes what is stored of it. */
  forgetHere(slot: number, generation: number): Promise<void> | undefined {
    const { host } = this.#needs;
    const cell = host.cells.get(slot, generation);
    const record = cell?.extra?.durable;
    if (cell === undefined || record === undefined) return undefined;
    record.isForgotten = true;
    return host.stopping.stopHere(cell);
  }

  delete(kind: Kind, record: DurableRecord): Promise<void> {
    const { host, writer } = this.#needs;
    return writer.write([{ type: 'delete', kind: kind.name, id: record.id, epochMs: Math.max(0, Math.round(host.clock.epochMs())) }], kind.name, record);
  }

  /** Of an agent that is not in memory, whose id nobody else has meanwhile. */
  async #deleteStored(kind: Kind, id: string, cluster: ClusterStates | undefined): Promise<void> {
    const record = new DurableRecord(id, kind.durable as NonNullable<Kind['durable']>);
    record.version = await cluster?.claim(kind.name, id, 'forget');
    try {
      await this.delete(kind, record);
    } finally {
      if (record.version !== undefined) cluster?.release(kind.name, id, 'forget');
    }
  }
}
