/**
 * What this node answers to claims of others: what it runs, what it has stopped in order to hand it over, what it has asked to be given, and what it knows of the directory of before that nobody runs. From an answer on,
 * what owners gave before that view and this node has not accepted is void.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Activations } from './activations.js';
import type { Directory } from './directory.js';
import { isIdle } from './directory-entry.js';
import { type DirectoryPart, sizeOf } from './directory-part.js';
import type { Ownership } from './ownership.js';
import {
  type ClaimItem,
  ENTRIES_MAX,
  type Orphan,
  PART_BYTES_MAX,
  type RegistryMessage,
  type ReportedActivation,
  type ReportItem,
} from './registry-messages.js';

export interface ActivationReportsNeeds {
  send(to: NodeIdentity, message: RegistryMessage): void;
  taking(partition: number): Iterable<Registration>;
  released(partition: number): Iterable<Registration>;
  mark(what: string): void;
}

interface Claim {
  readonly from: NodeIdentity;
  readonly view: number;
  readonly attempt: number;
  readonly items: readonly ClaimItem[];
}

export class ActivationReports {
  readonly #ownership: Ownership;
  readonly #directory: Directory;
  readonly #activations: Activations;
  readonly #needs: ActivationReportsNeeds;
  /** Of a view that this node does not know yet: the last of each claimer. */
  readonly #early = new Map<string, Claim>();

  constructor(ownership: Ownership, directory: Directory, activations: Activations, needs: ActivationReportsNeeds) {
    this.#ownership = ownership;
    this.#directory = directory;
    this.#activations = activations;
    this.#needs = needs;
  }

  claimed(from: NodeIdentity, view: number, attempt: number, items: readonly ClaimItem[]): void {
    if (view > this.#ownership.number) {
      this.#needs.mark('earlyClaim');
      this.#early.set(nodeKey(from), { from, view, attempt, items });
      return;
    }
    if (this.#ownership.isMember(from)) this.#report({ from, view, attempt, items });
  }

  /** Another view. */
  installed(): void {
    for (const [key, claim] of [...this.#early]) {
      if (claim.view > this.#ownership.number) continue;
      this.#early.delete(key);
      this.claimed(claim.from, claim.view, claim.attempt, claim.items);
    }
  }

  /** As much as goes into one message; of a partition that is larger, several. */
  #report({ from, view, attempt, items }: Claim): void {
    let message: ReportItem[] = [];
    let bytes = 0;
    const send = (isLast: boolean): void => this.#needs.send(from, { type: 'report', view: this.#ownership.number, attempt, isLast, items: message });
    for (const item of items) {
      this.#ownership.voidBefore(item.partition, view);
      const parts = this.#itemOf(item);
      for (const part of parts) {
        message.push(part);
        bytes += 32;
        for (const { registration } of part.activations) bytes += sizeOf(registration);
        for (const { registration } of part.orphans) bytes += sizeOf(registration);
        if (parts.length === 1) continue;
        send(part === parts.at(-1));
        message = [];
      }
      if (parts.length > 1) return;
      if (bytes >= PART_BYTES_MAX) break;
    }
    send(true);
  }

  #itemOf({ partition, epoch, sequence, digest }: ClaimItem): ReportItem[] {
    const others: ReportedActivation[] = [];
    for (const registration of this.#activations.leavingIn(partition)) others.push({ registration, state: 'leaving' });
    for (const registration of this.#needs.taking(partition)) others.push({ registration: { ...registration, host: this.#ownership.self }, state: 'taking' });
    for (const registration of this.#needs.released(partition)) others.push({ registration, state: 'released' });
    const isSame = others.length === 0 && this.#activations.digest(partition).equals(digest);
    if (!isSame) for (const registration of this.#activations.running(partition)) others.push({ registration, state: 'running' });
    const part = this.#directory.part(partition);
    const isBetter = part?.isBetterThan(epoch, sequence) === true;
    const version = { lastToken: part?.lastToken ?? 0, epoch: isBetter ? part.epoch : 0, sequence: isBetter ? part.sequence : 0 };
    return inParts({ partition, isSame, ...version, activations: others, orphans: isBetter ? orphansOf(part, this.#ownership) : [] });
  }
}

/** What a version of a partition has that nobody runs, as far as this node can tell. */
export function orphansOf(part: DirectoryPart, ownership: Ownership): Orphan[] {
  const orphans: Orphan[] = [];
  for (const entry of part.entries.values()) {
    const { registration } = entry;
    if (isIdle(entry)) orphans.push({ registration, isIdle: true });
    else if (!ownership.isMember(registration.host)) orphans.push({ registration, isIdle: false });
  }
  return orphans;
}

function inParts(item: Omit<ReportItem, 'part' | 'parts'>): ReportItem[] {
  const cuts: { readonly activations: ReportedActivation[]; readonly orphans: Orphan[] }[] = [{ activations: [], orphans: [] }];
  let bytes = 0;
  let count = 0;
  const room = (registration: Registration): { readonly activations: ReportedActivation[]; readonly orphans: Orphan[] } => {
    const size = sizeOf(registration);
    if (count > 0 && (bytes + size > PART_BYTES_MAX || count === ENTRIES_MAX)) {
      cuts.push({ activations: [], orphans: [] });
      bytes = 0;
      count = 0;
    }
    bytes += size;
    count++;
    return cuts.at(-1) as { readonly activations: ReportedActivation[]; readonly orphans: Orphan[] };
  };
  for (const activation of item.activations) room(activation.registration).activations.push(activation);
  for (const orphan of item.orphans) room(orphan.registration).orphans.push(orphan);
  return cuts.map(({ activations, orphans }, part) => ({ ...item, part, parts: cuts.length, activations, orphans }));
}
