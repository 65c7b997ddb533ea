/**
 * The membership of a nexus on a thread of its own, as the calling thread has it: starts the thread, and tells what comes from it. So the heart of the node goes on beating, whatever handlers do to the event
 * loops of the others. A thread that ends by itself is not started again: what it promised to other nodes is lost with it, so the node is fenced.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, NexusError } from '../errors.js';
import type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
import type { MembershipSnapshot } from '../protocols/membership/membership.js';
import type { MembershipListener, MembershipNeeds, OwnDescription, RunningMembership } from './cluster-surroundings.js';
import type { MembershipBoot, MembershipCommand, MembershipKnown, MembershipNews } from './membership-thread-protocol.js';

const START_MS = 30_000;
const CLOSE_MS = 2000;

/** Rejects with NexusError NEXUS_LISTEN_FAILED, NEXUS_NODE_STATE_UNUSABLE, NEXUS_THREAD_START_FAILED, and what is wrong with the files of TLS. */
export async function openMembershipThread({ options, shared, logger }: MembershipNeeds, listener: MembershipListener): Promise<MembershipThread> {
  const boot: MembershipBoot = { options, memory: shared.memory };
  // None of the flags of the process, such as loaders: nothing of the user runs there.
  const worker = new Worker(new URL('./membership-thread-main.js', import.meta.url), { workerData: boot, name: 'nexus membership', execArgv: [] });
  return new Promise((resolve, reject) => {
    let thread: MembershipThread | undefined;
    let uncaught: Error | undefined;
    const refuse = (error: Error): void => {
      clearTimeout(timer);
      void worker.terminate();
      reject(error);
    };
    const timer = setTimeout(() => refuse(startFailed(`was not ready within ${START_MS} ms`)), START_MS);
    worker.on('message', (news: MembershipNews) => {
      switch (news.type) {
        case 'opened':
          clearTimeout(timer);
          thread = new MembershipThread(worker, news.known);
          return resolve(thread);
        case 'refused':
          return refuse(refusalOf(news));
        case 'happened':
          thread?.knows(news.known);
          for (const event of news.events) listener.happened(event);
          return;
        case 'log':
          return logger[news.level](news.data, news.message);
        case 'closed':
          thread?.closed();
      }
    });
    worker.on('error', (error) => {
      uncaught = error as Error;
    });
    worker.on('exit', (exitCode) => {
      const error = startFailed(`ended with exit code ${exitCode}${uncaught === undefined ? '' : `: ${uncaught.message}`}`, uncaught);
      if (thread === undefined) return refuse(error);
      if (!thread.isClosing) listener.lost(error);
      thread.closed();
    });
  });
}

export class MembershipThread implements RunningMembership {
  /** For tests, which end it. */
  readonly worker: Worker;
  #known: MembershipKnown;
  #closing: Promise<void> | undefined;
  #whenClosed = (): void => undefined;
  #isClosed = false;

  constructor(worker: Worker, known: MembershipKnown) {
    this.worker = worker;
    this.#known = known;
  }

  get self(): NodeIdentity {
    return this.#known.self;
  }

  get address(): NodeAddress {
    return this.#known.address;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  snapshot(): MembershipSnapshot {
    return this.#known.snapshot;
  }

  describe(own: OwnDescription): void {
    this.#command({ type: 'describe', own });
  }

  leave(): void {
    this.#command({ type: 'leave' });
  }

  weigh(weight: number): void {
    this.#command({ type: 'weigh', weight });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  knows(known: MembershipKnown): void {
    this.#known = known;
  }

  closed(): void {
    this.#isClosed = true;
    this.#whenClosed();
  }

  #command(command: MembershipCommand): void {
    this.worker.postMessage(command);
  }

  async #close(): Promise<void> {
    if (!this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#whenClosed = resolve;
        setTimeout(resolve, CLOSE_MS).unref();
        this.#command({ type: 'close' });
      });
    }
    await this.worker.terminate();
  }
}

function startFailed(what: string, cause?: Error): NexusError {
  return new NexusError('NEXUS_THREAD_START_FAILED', `the membership thread ${what}`, { cause, data: { thread: 'membership' } });
}

function refusalOf({ code, message, data }: Extract<MembershipNews, { type: 'refused' }>): NexusError {
  return new NexusError((code ?? 'NEXUS_THREAD_START_FAILED') as ErrorCode, message, data === undefined ? {} : { data: { ...data } });
}
