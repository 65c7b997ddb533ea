/**
 * The registry of a node, carried out: time, messages over the transport, views of the cluster, promises. What is decided is decided by the machine in `protocols/registry/`. On the calling thread; made by
 * `cluster/node-parts.ts`.
 */
import { NexusError, quoted } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Clock } from '../../ports/clock.js';
import type { RegistrationRequest, Registry, RegistryEvents, RegistrySnapshot } from '../../ports/registry.js';
import type { Transport } from '../../ports/transport.js';
import type { Directory } from '../../protocols/registry/directory.js';
import { RegistryMachine } from '../../protocols/registry/registry-machine.js';
import { INIT_BYTES_MAX } from '../../protocols/registry/registry-messages.js';
import { type RequestOutcome, WAITING_MAX } from '../../protocols/registry/requests.js';
import type { NodePart, NodeView } from '../node-parts.js';
import { RegistryFrames } from './registry-frames.js';

/** What of an agent has come to nothing: put into words when it has. */
type Failure = (id: string) => string;
const notKnown: Failure = (id) => `who has ${quoted(id)} is not known`;
const notRegistered: Failure = (id) => `${quoted(id)} was not registered`;
const notHandedOver: Failure = (id) => `${quoted(id)} was not handed over`;
const notTaken: Failure = (id) => `${quoted(id)} was not taken over`;

export interface RegistryServiceNeeds {
  /** Its incarnation is final once there is a view. */
  self(): NodeIdentity;
  readonly transport: Transport;
  readonly copies: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class RegistryService implements Registry, NodePart {
  readonly #needs: RegistryServiceNeeds;
  readonly #machine: RegistryMachine;
  readonly #frames: RegistryFrames;
  readonly #listeners: Partial<RegistryEvents>[] = [];
  /** Listeners are told behind the call that it comes from. */
  readonly #untold: ((listener: Partial<RegistryEvents>) => void)[] = [];
  readonly #lookups = { local: 0, cached: 0, owner: 0 };
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(needs: RegistryServiceNeeds) {
    this.#needs = needs;
    this.#machine = new RegistryMachine(needs.self(), needs, {
      send: (to, message) => this.#frames.send(to, message),
      orphaned: (registration) => this.#tell((listener) => listener.orphaned?.(registration)),
      superseded: (registration) => {
        needs.logger.error({ id: registration.id, token: registration.token }, 'an agent of this node has another activation with a greater token: it ends');
        this.#tell((listener) => listener.superseded?.(registration));
      },
      misplaced: (registrations) => this.#tell((listener) => listener.misplaced?.(registrations)),
      handed: (registration, from) => this.#tell((listener) => listener.handed?.(registration, from)),
    });
    this.#frames = new RegistryFrames(
      needs.transport,
      needs.logger,
      () => this.#turnEnds(),
      (from, message) => {
        this.#machine.received(this.#nowMs, from, message);
        this.#frames.schedule();
      },
    );
  }

  // What others want of it.

  get self(): NodeIdentity {
    return this.#machine.self;
  }

  listen(listener: Partial<RegistryEvents>): void {
    this.#listeners.push(listener);
  }

  /** For who looks. */
  get directory(): Directory {
    return this.#machine.directory;
  }

  ownerOf(id: string): NodeIdentity | undefined {
    return this.#machine.ownerOf(id);
  }

  successorsOf(id: string, count: number): readonly NodeIdentity[] {
    return this.#machine.successorsOf(id, count);
  }

  own(id: string): Registration | undefined {
    return this.#machine.own(id);
  }

  cached(id: string): Registration | undefined {
    const found = this.#machine.cached(id);
    if (found !== undefined) this.#lookups[found.from]++;
    return found?.registration;
  }

  lookup(id: string, timeoutMs: number): Promise<Registration | undefined> {
    const cached = this.cached(id);
    if (cached !== undefined) return Promise.resolve(cached);
    if (this.#machine.serves(id)) {
      this.#lookups.local++;
      return Promise.resolve(undefined);
    }
    this.#lookups.owner++;
    return this.#ask(notKnown, { id, timeoutMs }, (settle) => this.#machine.lookup(this.#nowMs, id, this.#nowMs + timeoutMs, settle)).then((outcome) =>
      outcome.type === 'found' ? outcome.registration : undefined,
    );
  }

  lookupMany(ids: readonly string[], timeoutMs: number): Promise<readonly (Registration | undefined)[]> {
    return Promise.all(ids.map((id) => this.lookup(id, timeoutMs)));
  }

  forget(id: string, token: number): void {
    this.#machine.forget(id, token);
  }

  async register({ id, kind, placement, init }: RegistrationRequest, timeoutMs: number): Promise<Registration> {
    if (init !== undefined && init.length > INIT_BYTES_MAX)
      throw new NexusError(
        'NEXUS_MESSAGE_TOO_LARGE',
        `init of agent ${quoted(id)} has ${init.length} bytes; what is started again on other nodes may have 65,536`,
        {
          data: { id, bytes: init.length, bytesMax: INIT_BYTES_MAX },
        },
      );
    const outcome = await this.#ask(notRegistered, { id, timeoutMs }, (settle) =>
      this.#machine.register(this.#nowMs, { id, kind, placement, init }, this.#nowMs + timeoutMs, settle),
    );
    if (outcome.type === 'granted') return outcome.registration;
    const { registration } = outcome as { readonly registration: Registration };
    throw new NexusError(
      'NEXUS_ID_DUPLICATE',
      `an agent with the id ${quoted(id)} is there already: of kind ${registration.kind}, on node ${registration.host.name}`,
      {
        data: { id, kind: registration.kind, node: registration.host.name, registration },
      },
    );
  }

  release(id: string, token: number): void {
    this.#machine.release(this.#nowMs, id, token);
    this.#frames.schedule();
  }

  async handOver(id: string, token: number, to: NodeIdentity): Promise<Registration> {
    const outcome = await this.#ask(notHandedOver, { id }, (settle) => this.#machine.handOver(this.#nowMs, id, token, to, settle));
    if (outcome.type === 'done') return outcome.registration;
    if (outcome.type === 'returned')
      throw new NexusError('NEXUS_MIGRATION_REFUSED', `${quoted(id)} stays on node ${this.self.name}: node ${to.name} is lost, or has not accepted it`, {
        data: { id, node: to.name, registration: outcome.registration, mayHaveRun: outcome.mayHaveRun },
      });
    throw this.#stale(id, token, outcome);
  }

  async accept(registration: Registration): Promise<Registration> {
    const { id, token } = registration;
    const outcome = await this.#ask(notTaken, { id }, (settle) => this.#machine.accept(this.#nowMs, registration, settle));
    if (outcome.type === 'granted') return outcome.registration;
    throw this.#stale(id, token, outcome);
  }

  async adopt(orphan: Registration, host: NodeIdentity): Promise<Registration> {
    if (this.#isStopped) throw this.#stopped(notTaken, orphan.id);
    const adopted = this.#machine.adopt(this.#nowMs, orphan, host);
    this.#frames.schedule();
    if (adopted === undefined) throw this.#stale(orphan.id, orphan.token, { type: 'stale', registration: undefined });
    return adopted;
  }

  snapshot(): RegistrySnapshot {
    return {
      ...this.#machine.figures(),
      waitingFor: this.#machine.waitingFor.map(({ name }) => name),
      lookups: { ...this.#lookups },
    };
  }

  // As a part of the node.

  viewed({ number, members, left, removed }: NodeView): void {
    if (this.#isStopped) return;
    this.#machine.identify(this.#needs.self());
    for (const node of [...left, ...removed]) this.#frames.forget(node);
    // What was said until now was said under the view of before.
    this.#frames.flush();
    this.#machine.installed(this.#nowMs, { number, members });
    this.#tell((listener) => listener.ringChanged?.());
    this.#frames.schedule();
  }

  connected(node: NodeIdentity): void {
    this.#machine.connected(this.#nowMs, node);
    this.#frames.schedule();
  }

  leaving(): void {
    this.#frames.flush();
  }

  closed(): void {
    this.#isStopped = true;
    this.#machine.stop();
    this.#frames.close();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  get #nowMs(): number {
    return this.#needs.clock.nowMs();
  }

  /** Rejects for what is no answer. */
  #ask(
    failure: Failure,
    { id, timeoutMs }: { readonly id: string; readonly timeoutMs?: number },
    ask: (settle: (outcome: RequestOutcome) => void) => void,
  ): Promise<RequestOutcome> {
    if (this.#isStopped) return Promise.reject(this.#stopped(failure, id));
    const answer = new Promise<RequestOutcome>((resolve, reject) => {
      ask((outcome) => {
        if (outcome.type === 'timeout') reject(this.#timeout(failure, id, timeoutMs));
        else if (outcome.type === 'stopped') reject(this.#stopped(failure, id));
        else if (outcome.type === 'busy') reject(this.#busy(failure, id));
        else resolve(outcome);
      });
    });
    this.#frames.schedule();
    return answer;
  }

  #turnEnds(): void {
    this.#machine.flush();
    while (this.#untold.length > 0) {
      for (const tell of this.#untold.splice(0)) {
        for (const listener of this.#listeners) {
          try {
            tell(listener);
          } catch (error) {
            this.#needs.logger.error({ error }, 'a part of the node failed when it was told by the registry');
          }
        }
      }
      this.#machine.flush();
    }
    this.#setTimer();
  }

  #tell(tell: (listener: Partial<RegistryEvents>) => void): void {
    this.#untold.push(tell);
    this.#frames.schedule();
  }

  #setTimer(): void {
    const { dueMs } = this.#machine;
    if (dueMs >= this.#timerAtMs || this.#isStopped) return;
    this.#cancelTimer?.();
    this.#timerAtMs = dueMs;
    this.#cancelTimer = this.#needs.clock.after(
      Math.max(0, dueMs - this.#nowMs),
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#machine.tick(this.#nowMs);
        this.#frames.flush();
      },
      false,
    );
  }

  /** Who waits for whom. */
  #timeout(failure: Failure, id: string, timeoutMs: number | undefined): NexusError {
    const owner = this.#machine.ownerOf(id);
    const waitingFor = this.#machine.waitingFor.map(({ name }) => name);
    const because =
      owner === undefined
        ? 'this node is not a member of its cluster yet'
        : !sameNode(owner, this.self)
          ? `node ${owner.name}, which owns this id, has not answered`
          : `this node owns it, and waits until ${waitingFor.length === 1 ? `${waitingFor[0]} has said what it runs` : `${waitingFor.join(', ')} have said what they run`}`;
    return new NexusError('NEXUS_REGISTRY_TIMEOUT', `${failure(id)} after ${timeoutMs} ms: ${because}`, {
      data: { id, timeoutMs, owner: owner?.name, waitingFor },
    });
  }

  #stopped(failure: Failure, id: string): NexusError {
    return new NexusError('NEXUS_STOPPED', `${failure(id)}: node ${this.self.name} has stopped`, { data: { id, node: this.self.name } });
  }

  #busy(failure: Failure, id: string): NexusError {
    return new NexusError('NEXUS_BACKPRESSURE', `${failure(id)}: ${WAITING_MAX} registrations and lookups wait for answers already`, {
      data: { id, waitingMax: WAITING_MAX },
    });
  }

  #stale(id: string, token: number, outcome: RequestOutcome): NexusError {
    const registration = 'registration' in outcome ? outcome.registration : undefined;
    const because = registration === undefined ? 'it has ended, or went elsewhere' : `node ${registration.host.name} has it, with token ${registration.token}`;
    return new NexusError('NEXUS_TOKEN_STALE', `${quoted(id)} with token ${token} is not this node's to run: ${because}`, {
      data: { id, token, registration },
    });
  }
}
