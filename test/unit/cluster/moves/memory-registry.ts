/** A registry of several nodes in one place, without time, loss or partitions: what the parts above it are tested with. The real one is `cluster/registry`. */
import { NexusError } from '../../../../dist/ts-src/errors.js';
import { type NodeIdentity, sameNode } from '../../../../dist/ts-src/model/node-identity.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import type { Registry, RegistrationRequest, RegistrySnapshot } from '../../../../dist/ts-src/ports/registry.js';

/** What all nodes share. */
export class MemoryDirectory {
  readonly entries = new Map<string, Registration>();
  readonly handing = new Map<string, Registration>();
  /** Owner of every id, or of those that are named. */
  owner: NodeIdentity | undefined;
  readonly owners = new Map<string, NodeIdentity>();
  token = 0;
}

export class MemoryRegistry implements Registry {
  readonly self: NodeIdentity;
  readonly directory: MemoryDirectory;
  readonly calls: string[] = [];
  /** Resolves before each registration. */
  beforeRegister: () => Promise<void> = async () => undefined;

  constructor(self: NodeIdentity, directory: MemoryDirectory) {
    this.self = self;
    this.directory = directory;
  }

  listen(): void {}

  ownerOf(id: string): NodeIdentity | undefined {
    return this.directory.owners.get(id) ?? this.directory.owner;
  }

  successorsOf(): readonly NodeIdentity[] {
    return [];
  }

  own(id: string): Registration | undefined {
    const entry = this.directory.entries.get(id);
    return entry !== undefined && sameNode(entry.host, this.self) ? entry : undefined;
  }

  cached(id: string): Registration | undefined {
    return this.directory.entries.get(id);
  }

  async lookup(id: string): Promise<Registration | undefined> {
    return this.directory.entries.get(id);
  }

  async lookupMany(ids: readonly string[]): Promise<readonly (Registration | undefined)[]> {
    return ids.map((id) => this.directory.entries.get(id));
  }

  forget(): void {}

  async register({ id, kind, placement, init }: RegistrationRequest): Promise<Registration> {
    await this.beforeRegister();
    const before = this.directory.entries.get(id);
    if (before !== undefined) throw new NexusError('NEXUS_ID_DUPLICATE', `${id} is taken`, { data: { registration: before } });
    this.directory.token += 1;
    const registration: Registration = { id, kind, host: this.self, token: this.directory.token, life: this.directory.token, placement, init };
    this.directory.entries.set(id, registration);
    this.calls.push(`register ${id}`);
    return registration;
  }

  release(id: string, token: number): void {
    if (this.directory.entries.get(id)?.token !== token) return;
    this.calls.push(`release ${id}`);
    this.directory.entries.delete(id);
  }

  async handOver(): Promise<Registration> {
    throw new Error('not in these tests');
  }

  async accept(registration: Registration): Promise<Registration> {
    this.directory.entries.set(registration.id, registration);
    return registration;
  }

  async adopt(orphan: Registration, host: NodeIdentity): Promise<Registration> {
    const before = this.directory.entries.get(orphan.id);
    if (before?.token !== orphan.token) throw new NexusError('NEXUS_TOKEN_STALE', `${orphan.id} is no orphan`);
    this.directory.token += 1;
    const adopted = { ...orphan, host, token: this.directory.token };
    this.directory.entries.set(orphan.id, adopted);
    this.calls.push(`adopt ${orphan.id}`);
    return adopted;
  }

  snapshot(): RegistrySnapshot {
    throw new Error('not in these tests');
  }
}
