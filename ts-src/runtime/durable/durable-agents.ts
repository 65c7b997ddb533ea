/**
 * The durable agents of one thread: puts the parts of this folder together, and is what the rest of the runtime sees of them. How an agent begins with what is stored, how it
 * ends with what it has become saved, and where its messages go while it is not in memory. Absent in a nexus without storage.
 */
import { NexusError, optionError } from '../../errors.js';
import type { AnyAgent, StopReason } from '../../model/agent-definition.js';
import type { TellOutcome } from '../../model/agent-ref.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Reminder, StateVersion, ThreadStorage } from '../../ports/storage.js';
import { type AgentCell, extraOf, Status } from '../agent-cell.js';
import { AgentReference } from '../agent-reference.js';
import { Context } from '../context.js';
import { agentNotFound, nexusStopped } from '../failures.js';
import type { ActionEntry, Kind } from '../kind.js';
import type { DurableLives } from './durable-lives.js';
import { type MessageSender, senderOf } from '../mailbox.js';
import type { ReplyPort } from '../pending-asks.js';
import { lastOwnerOf } from '../record-word.js';
import { DURABLE_LIFE } from '../remote/agent-life.js';
import { isOfCluster } from '../remote/node-placing.js';
import type { ThreadHost } from '../thread-host.js';
import { Activations, type QueuedMessage } from './activations.js';
import type { ClusterStates } from './cluster-states.js';
import { DurableHandlers, durableRecordOf, notStored } from './durable-handlers.js';
import { DurableRecord } from './durable-record.js';
import { DurableTies } from './durable-ties.js';
import { Forgetting } from './forgetting.js';
import { Passivation } from './passivation.js';
import { ReminderDelivery } from './reminder-delivery.js';
import { ReminderService } from './reminder-service.js';
import { Reminders } from './reminders.js';
import { StartDelays } from './start-delays.js';
import { StateWriter } from './state-writer.js';
import { applied, StoredStates } from './stored-state.js';

/** How long the start of an agent that is brought back may take. */
const START_TIMEOUT_MS = 30_000;
const RETRY_END_MS = 100;
const NOT_RETRIED = ['NEXUS_NOT_CLONEABLE', 'NEXUS_MESSAGE_TOO_LARGE', 'NEXUS_OPTION_INVALID'];

export class DurableAgents implements DurableLives {
  readonly writer: StateWriter;
  readonly passivation: Passivation;
  readonly activations: Activations;
  readonly handlers: DurableHandlers;
  readonly reminders: Reminders;
  readonly forgetting: Forgetting;
  readonly delivery: ReminderDelivery;
  readonly ties: DurableTies;
  /** On the calling thread only. */
  readonly service: ReminderService | undefined;
  readonly #host: ThreadHost;
  readonly #storage: ThreadStorage;
  readonly #states: StoredStates;
  readonly #kinds: readonly Kind[];
  readonly #delays: StartDelays;
  /** An agent is being brought back: it is not made anew if nothing is stored of it. */
  #isBringing = false;
  /** Where this nexus is a node of a cluster. */
  cluster: ClusterStates | undefined = undefined;

  constructor(host: ThreadHost, storage: ThreadStorage, random: () => number) {
    const { clock, logger, thread, shared } = host;
    this.#host = host;
    this.#storage = storage;
    this.#kinds = host.kinds.kinds.filter((kind) => kind.isDurable);
    this.#delays = new StartDelays({ clock, random, isStopping: () => host.isStopping });
    this.#states = new StoredStates({
      kinds: host.kinds,
      storage,
      isReference: (value): value is AgentReference => value instanceof AgentReference,
      referenceTo: (kind, id) => this.#liveOrNot(kind, id),
    });
    this.writer = new StateWriter({
      ...{ storage, states: this.#states, clock, logger },
      failed: (cell, error) => host.lifecycle.failed(cell, error, undefined),
      stored: (cell, record) => {
        this.#delays.stored(cell.kind, record.id);
        host.observation.events.stored(cell.kind.name, record.id);
      },
      cluster: () => this.cluster,
      fenced: (record, error) => this.#fenced(record, error),
    });
    this.handlers = new DurableHandlers({ host, writer: this.writer, cellOf: (ctx) => Context.cellOf(ctx) });
    this.passivation = new Passivation({
      clock,
      cells: () => host.cells,
      save: (cell) => this.#save(cell),
      end: (cell, ended) => {
        host.lifecycle.stop(cell, { type: 'passivated' });
        host.lifecycle.whenStopped(cell, ended);
      },
      settled: () => host.entries.settled(),
    });
    this.activations = new Activations({
      thread,
      isClosed: () => host.links.isClosed,
      isStopping: () => host.isStopping,
      find: (id) => host.directory.find(id, undefined),
      findEnding: (id) => host.directory.findEnding(id),
      whenEnded: (agent) => host.stopping.whenEnded(agent, START_TIMEOUT_MS).catch(() => undefined),
      threadOf: (agent) => host.engine.table.threadOf(agent.slot, agent.generation),
      // In a cluster only who claims it can say.
      isStored: (kind, id) => this.clusterOf(kind, id) !== undefined || storage.has(kind.name, id),
      homeOf: (kind, id) => host.homeOf(kind, id),
      canReach: (to) => to === thread || host.links.canReach(to),
      start: (kind, id) => this.#bringHere(kind, id),
      requestStart: (to, kind, id) => host.router.request(to, 'bringBack', { kind: kind.index, id }, START_TIMEOUT_MS, { kind: kind.name, id }),
      roundTrip: (to) => host.router.request(to, 'roundTrip', undefined, START_TIMEOUT_MS, { kind: 'thread', id: String(to) }).catch(() => undefined),
      copy: (value) => (value === undefined ? undefined : host.standaloneCopy(value)),
      forward: (target, message) => this.#forward(target, message),
      sendElsewhere: (node, kind, id, message) => this.#sendElsewhere(node, kind, id, message),
      dead: (reason, kind, id, message, error) => {
        host.deadLetters.record(reason, kind.name, () => id, message.action.name);
        message.reply?.fail(error);
      },
      gaveUp: (kind, id, messages, error) => {
        if (error instanceof NexusError && !['NEXUS_AGENT_NOT_FOUND', 'NEXUS_STOPPED', 'NEXUS_MAILBOX_FULL'].includes(error.code))
          logger.error({ error, kind: kind.name, id, thread, messages }, 'a durable agent could not be brought back');
      },
    });
    const clusterOf = (kind: Kind, id: string): ClusterStates | undefined => this.clusterOf(kind, id);
    const { activations, handlers, writer } = this;
    this.forgetting = new Forgetting({ host, storage, activations, writer, clusterOf });
    this.delivery = new ReminderDelivery({ host, storage, states: this.#states, activations, handlers, clusterOf, cluster: () => this.cluster });
    this.ties = new DurableTies({ host, activations, follow: (target) => this.follow(target) });
    this.reminders = new Reminders({
      clock,
      storage,
      states: this.#states,
      writer: this.writer,
      added: (dueEpochMs) => (this.service === undefined ? host.router.call(0, 'reminderSet', { dueEpochMs }) : this.service.added(dueEpochMs)),
    });
    if (thread === 0)
      this.service = new ReminderService({
        storage,
        clock,
        logger,
        isOwn: (kind, id) => this.delivery.isOwn(kind, id),
        deliver: (reminder) => this.delivery.deliver(reminder),
      });
    for (const kind of this.#kinds) if (kind.definition !== undefined) this.handlers.install(kind);
    this.lastOwnerOf = (agent) => (agent.slot === 0 ? -1 : lastOwnerOf(shared, agent.slot));
  }

  readonly lastOwnerOf: (agent: AgentReference) => number;

  /** Nothing is on its way to an agent, and no reminder is being handled. */
  get isIdle(): boolean {
    return this.activations.size === 0 && (this.service?.underway ?? 0) === 0;
  }

  // Lives of agents: called by the lifecycle.

  startLife(cell: AgentCell, init: unknown, begin: (state: unknown) => Promise<unknown> | undefined): Promise<unknown> | undefined {
    const isBringing = this.#isBringing;
    const start = (): Promise<unknown> | undefined => this.#claimed(cell, isBringing, () => this.#started(cell, begin(this.#loaded(cell, init, isBringing))));
    const record = this.#recordOf(cell);
    return this.clusterOf(cell.kind, record.id) === undefined ? start() : this.#delays.start(cell, record, start);
  }

  /** It has come from another node, where all of it was stored before it left: it goes on with that, in the same life. Rejects if that cannot be read, or may not be here. */
  arrive(cell: AgentCell): Promise<unknown> | undefined {
    return this.#claimed(cell, true, () => {
      cell.state = this.#loaded(cell, undefined, true);
      return undefined;
    });
  }

  #claimed(cell: AgentCell, isBringing: boolean, begin: () => Promise<unknown> | undefined): Promise<unknown> | undefined {
    const { id, mustReload, version: before } = this.#recordOf(cell);
    const { life } = extraOf(cell);
    // Some copies may have what was refused, and the store of this node too.
    if (mustReload && before !== undefined && this.cluster !== undefined)
      return this.cluster.confirm(cell.kind.name, id).then(() => {
        if (cell.extra?.life !== life || cell.status !== Status.starting) return undefined;
        if (this.#host.isStopping) throw nexusStopped();
        return begin();
      });
    const claiming = this.#claim(cell, isBringing);
    if (claiming === undefined) return begin();
    return claiming.then((version) => {
      // It has ended meanwhile, and whoever waits for its start knows.
      if (cell.extra?.life !== life || cell.status !== Status.starting) return this.cluster?.release(cell.kind.name, id, 'start');
      // That took its time: its node may be stopping by now, or be fenced.
      if (this.#host.isStopping) {
        this.cluster?.release(cell.kind.name, id, 'start');
        throw nexusStopped();
      }
      this.#recordOf(cell).version = version;
      return begin();
    });
  }

  /** Undefined if it is known that this node may run it: outside of a cluster, and in each life of an activation but the first. */
  #claim(cell: AgentCell, isBringing: boolean): Promise<StateVersion> | undefined {
    const record = this.#recordOf(cell);
    if (record.version !== undefined) return undefined;
    return this.clusterOf(cell.kind, record.id)?.claim(cell.kind.name, record.id, isBringing ? 'bringBack' : 'start');
  }

  /** What claims and copies agents of that id; undefined for one of this node only. */
  clusterOf(kind: Kind, id: string): ClusterStates | undefined {
    const { placing } = this.#host;
    return placing !== undefined && isOfCluster(placing, kind, id) ? this.cluster : undefined;
  }

  #recordOf(cell: AgentCell): DurableRecord {
    const extra = extraOf(cell);
    extra.durable ??= new DurableRecord(this.#host.nameOf(cell.slot, cell.generation) as string, cell.kind.durable as NonNullable<Kind['durable']>);
    return extra.durable;
  }

  #loaded(cell: AgentCell, init: unknown, isBringing: boolean): unknown {
    const record = this.#recordOf(cell);
    const isFirst = !record.hasEntered;
    record.forgetChanges();
    const loaded = this.#states.load(cell.kind, record);
    if (loaded === undefined && isBringing) throw notStored(cell.kind.name, record.id);
    record.hasEntered = true;
    if (isFirst) this.passivation.entered(cell);
    return loaded === undefined ? (cell.kind.definition as AnyAgent).state(init) : loaded.state;
  }

  #started(cell: AgentCell, starting: Promise<unknown> | undefined): Promise<unknown> | undefined {
    const life = extraOf(cell).life;
    const stored = (): Promise<unknown> | undefined => {
      const { extra, kind } = cell;
      const record = extra?.durable;
      if (record === undefined || extra?.life !== life || cell.status !== Status.starting) return undefined;
      if (!record.isNew && kind.definition?.onStart === undefined) return undefined;
      record.changed(this.#host.clock.nowMs());
      if (kind.durable?.writes === 'through') return this.writer.through(cell, record);
      this.writer.behind(cell, record);
      return undefined;
    };
    return starting === undefined ? stored() : starting.then(stored);
  }

  beforeRestart(cell: AgentCell): Promise<unknown> | undefined {
    const record = cell.extra?.durable;
    if (record === undefined) return undefined;
    const { captured, isChanged, options } = record;
    this.writer.drop(cell);
    // What completed handlers did is kept where it can be told from what the failed one did.
    if (captured !== undefined || (options.apply !== undefined && isChanged && record.eventsCompleted > 0)) {
      return this.writer.through(cell, record).catch(() => undefined);
    }
    return record.isWriting ? new Promise<void>((resolve) => record.waiting.push(resolve)) : undefined;
  }

  mustReload(cell: AgentCell): boolean {
    return cell.extra?.durable?.mustReload === true;
  }

  beforeEnd(cell: AgentCell, reason: StopReason, hadStarted: boolean): Promise<unknown> | undefined {
    const record = cell.extra?.durable;
    if (record === undefined) return undefined;
    // That of a start that has failed is known.
    if (hadStarted && this.clusterOf(cell.kind, record.id) !== undefined) this.#delays.ends(cell, record, reason);
    if (record.isFenced) {
      this.writer.drop(cell);
      return undefined;
    }
    if (record.isForgotten) {
      this.writer.drop(cell);
      return this.#untilDone(cell, () => this.forgetting.delete(cell.kind, record));
    }
    if (reason.type === 'failed' || !hadStarted || record.isExclusive || record.mustReload) return this.beforeRestart(cell);
    if (cell.kind.definition?.onStop !== undefined) record.changed(this.#host.clock.nowMs());
    if (!record.isUnsaved) return undefined;
    return this.#untilDone(cell, () => this.writer.through(cell, record));
  }

  ended(cell: AgentCell, record: DurableRecord): void {
    // Whoever still holds the cell finds the agent by this.
    extraOf(cell).durable = record;
    this.left(cell, record.id, record);
  }

  /** Nothing of it is in memory here any more. What still comes for the address that it had goes to wherever it is. */
  left(cell: AgentCell, id: string, record: DurableRecord | undefined): void {
    this.writer.drop(cell);
    this.passivation.ended();
    if (record?.isForgotten !== true) this.passivation.leftMemory(cell, id);
    record?.wake();
    if (record?.version !== undefined) this.cluster?.release(cell.kind.name, id, 'start');
    // For the count of agents, which is published at the end of a turn.
    this.#host.flushSoon();
  }

  // Messages to agents that are not in memory.

  send(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome {
    const id = target.knownId;
    const message = { action, input, reply, sender };
    if (id === undefined) return this.#unknown(target.kindEntry, message);
    const { remote } = this.#host;
    const kind = target.kindEntry;
    const place = remote === undefined || this.activations.isOpen(kind, id) ? undefined : this.clusterOf(kind, id)?.placeOf(id);
    if (remote !== undefined && place !== undefined && this.#host.directory.find(id, undefined) === undefined) {
      target.remote = remote.remoteOf(id, place, DURABLE_LIFE);
      return remote.send(target, action, input, reply, sender);
    }
    return this.#send(target.kindEntry, id, this.lastOwnerOf(target), message, (live) => target.rebind(live));
  }

  refused(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome {
    const message = { action, input, reply, sender };
    const id = cell.extra?.durable?.id;
    return id === undefined ? this.#unknown(cell.kind, message) : this.#send(cell.kind, id, this.#host.thread, message, () => undefined);
  }

  /** A message has arrived for an address that is nobody's any more. False if it was not one of a durable agent. */
  arrived(slot: number, generation: number, action: number, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): boolean {
    const was = this.passivation.whoWas(slot, generation);
    const entry = was?.kind.actions[action];
    if (was === undefined || entry === undefined) return false;
    this.#send(was.kind, was.id, this.#host.thread, { action: entry, input, reply, sender }, () => undefined);
    return true;
  }

  /** The agent of this id, in memory or stored. @throws NexusError NEXUS_KIND_MISMATCH; NexusTypeError NEXUS_OPTION_INVALID */
  find(id: string, definition: AnyAgent | undefined): AgentReference | undefined {
    const found = this.#host.directory.find(id, definition);
    return found !== undefined && !this.activations.isOpen(found.kindEntry, id) ? found : this.findStored(id, definition);
  }

  /** A reference to an agent that is stored, or for which messages wait here. */
  findStored(id: string, definition: AnyAgent | undefined): AgentReference | undefined {
    for (const kind of this.#kinds) {
      if (definition !== undefined && kind.name !== definition.kind) continue;
      if (this.activations.isOpen(kind, id) || this.#storage.has(kind.name, id)) return this.#unbound(kind, id);
    }
    return undefined;
  }

  /** Sets a reference on where its agent is now, if it is in memory. */
  follow(target: AgentReference): void {
    const { cell } = target;
    if (cell !== undefined ? cell.status !== Status.stopped : this.#host.engine.table.threadOf(target.slot, target.generation) >= 0) return;
    const live = target.knownId === undefined ? undefined : this.#host.directory.find(target.knownId, undefined);
    if (live !== undefined && live.kindEntry === target.kindEntry) target.rebind(live);
  }

  /** Behind the messages that wait here for it. */
  async stop(target: AgentReference, timeoutMs: number | undefined): Promise<void> {
    if (target.knownId !== undefined) await this.activations.settled(target.kindEntry, target.knownId);
    this.follow(target);
    await this.#host.stopping.stop(target, timeoutMs);
  }

  // What contexts and the nexus offer.

  async persist(cell: AgentCell): Promise<void> {
    const record = durableRecordOf(cell, 'ctx.persist');
    record.changed(this.#host.clock.nowMs());
    await this.writer.through(cell, record);
  }

  record(cell: AgentCell, event: unknown): unknown {
    const record = durableRecordOf(cell, 'ctx.record');
    if (record.options.apply === undefined)
      throw optionError('ctx.record', `kind '${cell.kind.name}' has no durable.apply, which says what an event changes; add it to the definition`);
    const encoded = this.#states.encode(event, () => `an event of ${cell.kind.name} '${record.id}'`);
    try {
      cell.state = applied(record, cell.state, event);
    } catch (error) {
      // It may have changed a part.
      record.mustReload = true;
      throw error;
    }
    record.events.push(encoded);
    record.sequence++;
    return cell.state;
  }

  forget(cell: AgentCell): void {
    durableRecordOf(cell, 'ctx.forget').isForgotten = true;
    this.#host.requestStop(cell);
  }

  forgetById(definition: AnyAgent, id: string): Promise<void> {
    return this.forgetting.forget(this.#host.kinds.byName(definition.kind), id);
  }

  /** Its writes were refused because of a later activation. */
  #fenced(record: DurableRecord, error: NexusError): void {
    const live = this.#host.directory.find(record.id, undefined);
    const cell = live === undefined ? undefined : this.#host.cells.get(live.slot, live.generation);
    if (cell?.extra?.durable !== record) return;
    this.#host.events.agentFailed({ id: record.id, kind: cell.kind.name, action: undefined, thread: this.#host.thread, error });
    this.#host.lifecycle.stop(cell, { type: 'failed', error });
  }

  /** Another thread, or node, delivers a reminder to an agent that is here, or returns here. Resolves when it is handled and that is stored. */
  remind(reminder: Reminder): Promise<void> {
    return this.delivery.remind(reminder);
  }

  start(): void {
    this.service?.start();
  }

  /** The nexus has ended, or its end has taken too long: nothing is begun any more. */
  stopAll(): void {
    this.service?.stop();
    this.passivation.stop();
    this.writer.stop();
  }

  /** Saves what is left and closes the store for this thread. Rejects if something could not be saved. */
  async finish(): Promise<void> {
    this.service?.stop();
    this.passivation.stop();
    const isSaved = await this.writer.flush();
    this.writer.stop();
    await this.#storage.close();
    if (!isSaved) throw new NexusError('NEXUS_STORE_FAILED', 'the state of some agents could not be stored; the log names them and their errors');
  }

  #bringHere(kind: Kind, id: string): AgentReference | Promise<AgentReference> {
    this.#isBringing = true;
    try {
      return this.#host.spawnHere(kind, id, undefined, undefined, START_TIMEOUT_MS);
    } finally {
      this.#isBringing = false;
    }
  }

  #send(kind: Kind, id: string, lastThread: number, message: QueuedMessage, found: (agent: AgentReference) => void): TellOutcome {
    try {
      message.action.input?.check(message.input);
      return this.activations.send(kind, id, lastThread, message, found);
    } catch (error) {
      if (message.reply === undefined) throw error;
      message.reply.fail(error);
      return 'noAgent';
    }
  }

  #forward(target: AgentReference, { action, input, reply, sender }: QueuedMessage): boolean {
    const { cells, dispatcher, router } = this.#host;
    const cell = cells.get(target.slot, target.generation);
    if (cell === undefined) return router.forward(target, action, input, reply, sender);
    if (cell.status >= Status.stopping) return false;
    router.sentLocal++;
    if (reply !== undefined) reply.sender = senderOf(sender);
    dispatcher.enqueue(cell, action, input, reply, reply ?? sender);
    return true;
  }

  /** To the node that has the agent, or is to have it. False if there is no way to it. */
  #sendElsewhere(node: NodeIdentity, kind: Kind, id: string, { action, input, reply, sender }: QueuedMessage): boolean {
    const { remote } = this.#host;
    if (remote === undefined) return false;
    const target = this.#unbound(kind, id);
    target.remote = remote.remoteOf(id, node, DURABLE_LIFE);
    remote.send(target, action, input, reply, sender);
    return true;
  }

  #unknown(kind: Kind, { action, reply }: QueuedMessage): TellOutcome {
    this.#host.deadLetters.record('noAgent', kind.name, () => undefined, action.name);
    reply?.fail(agentNotFound(kind.name, undefined, action.name));
    return 'noAgent';
  }

  #save(cell: AgentCell): Promise<void> | undefined {
    const record = cell.extra?.durable;
    return record?.isUnsaved === true ? this.writer.through(cell, record) : undefined;
  }

  /** An agent leaves memory only when it is stored: tried until it is. Not for what can never be stored. */
  async #untilDone(cell: AgentCell, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        // It was given up meanwhile, and what it was is gone.
        if (cell.status === Status.stopped) return;
        if (NOT_RETRIED.includes((error as { code?: string }).code ?? '') || this.#host.links.isClosed) {
          this.#host.events.agentFailed({ id: cell.extra?.durable?.id ?? '', kind: cell.kind.name, action: undefined, thread: this.#host.thread, error });
          return;
        }
        await new Promise<void>((resolve) => this.#host.clock.after(RETRY_END_MS, resolve));
      }
    }
  }

  #liveOrNot(kind: Kind, id: string): AgentReference {
    const live = this.#host.directory.find(id, undefined);
    return live !== undefined && live.kindEntry === kind ? live : this.#unbound(kind, id);
  }

  #unbound(kind: Kind, id: string): AgentReference {
    return new AgentReference(this.#host, kind, 0, 0, undefined, id);
  }
}
