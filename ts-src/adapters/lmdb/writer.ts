/**
 * The writer of a store: the entry of a thread that does nothing else. All threads of the nexus send it their batches; what has come while it stored the last ones is one transaction
 * with one fsync. Its commits are synchronous, which is why it is a thread: a commit takes as long as the disk does, errors come back where they happened, and
 * a thread of the nexus that is ended in the middle of anything never holds the lock of a transaction.
 *
 * What a transaction needs of the disk is taken before it (`room.ts`). One that fails is done again batch by batch, so that only the batches that cannot be stored fail. After the failure of a batch those of the same thread that were sent
 * before it heard of it fail too. Errors other than missing room leave LMDB in a state that is not known: from then on everything fails, until the store is opened again.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { StoredVersion } from '../../ports/storage.js';
import { agentOfName } from '../stored-names.js';
import { applyOperation, staleIn } from './apply.js';
import { decodeBatch, Operation, type StoreOperation, withVersions } from './batch-bytes.js';
import { isFull, loadLmdb, messageOf, openEnvironment } from './environment.js';
import { STORE_FORMAT_VERSIONED } from './records.js';
import { Room } from './room.js';
import { markVersioned } from './store-files.js';
import type { BatchAnswer, BatchMessage, WriterBoot, WriterCommand, WriterReport } from './protocol.js';

/** Bytes of batches in one transaction; a batch that is larger has one for itself. */
const TRANSACTION_BYTES_MAX = 16 * 1024 * 1024;
/** Operations in one transaction, for the room that it takes before; a batch of more has one for itself. */
const TRANSACTION_OPERATIONS_MAX = 4096;

interface Client {
  readonly port: MessagePort;
  epoch: number;
}

interface Waiting {
  readonly client: Client;
  readonly message: BatchMessage;
}

interface Failure {
  readonly full: boolean;
  readonly message: string;
}

const boot = workerData as WriterBoot;
const commits = new Int32Array(boot.commits);
const owner = parentPort as MessagePort;
const database = openEnvironment(await loadLmdb(), boot.path);
const room = new Room(boot.path, database);
const queue: Waiting[] = [];
let scheduled = false;
let closing = false;
let broken: Failure | undefined;
let hasVersions = boot.format >= STORE_FORMAT_VERSIONED;

owner.on('message', (command: WriterCommand) => {
  if (command.type === 'connect') connect(command.port);
  else {
    closing = true;
    schedule();
  }
});
report({ type: 'ready' });

function connect(port: MessagePort): void {
  const client: Client = { port, epoch: 0 };
  port.on('message', (message: BatchMessage) => {
    queue.push({ client, message });
    schedule();
  });
}

/** In the next phase of the loop: after all messages that have come until now. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    while (queue.length > 0) storeSome();
    if (closing) void close();
  });
}

function storeSome(): void {
  const group: Waiting[] = [];
  let bytes = 0;
  let operations = 0;
  let count = 0;
  for (const waiting of queue) {
    bytes += waiting.message.bytes.byteLength;
    operations += waiting.message.operations;
    if (count > 0 && (bytes > TRANSACTION_BYTES_MAX || operations > TRANSACTION_OPERATIONS_MAX)) break;
    group.push(waiting);
    count += 1;
  }
  queue.splice(0, count);
  const current = withoutStale(group.filter(isCurrent));
  const failure = commit(current);
  if (failure !== undefined && current.length === 1) fail(current[0] as Waiting, failure);
  else if (failure !== undefined) {
    for (const waiting of current) {
      if (!isCurrent(waiting)) continue;
      const alone = commit([waiting]);
      if (alone !== undefined) fail(waiting, alone);
      else answer(waiting.client, { through: waiting.message.number, failure: undefined });
    }
    return;
  } else acknowledge(current);
}

/** Tells those whose batch has a write that a later activation has overtaken. They are read before the transaction, which nobody else can get ahead of. */
function withoutStale(group: readonly Waiting[]): readonly Waiting[] {
  if (broken !== undefined) return group;
  const pending = new Map<string, StoredVersion | undefined>();
  return group.filter(({ client, message }) => {
    const operations = decodeBatch(message.bytes);
    if (!hasVersions && !operations.some(({ operation }) => operation === Operation.version)) return true;
    const stale = staleIn(database, withVersions(operations), pending);
    if (stale === undefined) return true;
    const { key, token, seenToken } = stale;
    answer(client, { through: 0, failure: undefined, stale: { number: message.number, ...agentOfName(key.subarray(1)), token, seenToken } });
    return false;
  });
}

/** Sent by a thread that knows of the last failure. The others have their answer: it said from which batch on all fail. */
function isCurrent({ client, message }: Waiting): boolean {
  return message.epoch === client.epoch;
}

function commit(group: readonly Waiting[]): Failure | undefined {
  if (broken !== undefined) return broken;
  if (group.length === 0) return undefined;
  try {
    const operations = versioned(group.flatMap(({ message }) => decodeBatch(message.bytes)));
    room.take(operations);
    database.transactionSync(() => {
      for (const operation of operations) applyOperation(database, operation);
    });
    Atomics.add(commits, 0, 1);
    return undefined;
  } catch (error) {
    const failure = { full: isFull(error), message: messageOf(error) };
    if (!failure.full) broken = failure;
    return failure;
  }
}

/** The first version makes it a store of the format that has them, before it is written. */
function versioned(operations: readonly StoreOperation[]): readonly StoreOperation[] {
  if (!hasVersions && operations.some(({ operation }) => operation === Operation.version)) {
    markVersioned(boot.path);
    hasVersions = true;
  }
  return hasVersions ? withVersions(operations) : operations;
}

function acknowledge(group: readonly Waiting[]): void {
  const last = new Map<Client, number>();
  for (const { client, message } of group) last.set(client, message.number);
  for (const [client, through] of last) answer(client, { through, failure: undefined });
}

function fail({ client, message }: Waiting, failure: Failure): void {
  client.epoch += 1;
  answer(client, { through: message.number - 1, failure: { from: message.number, epoch: client.epoch, ...failure } });
}

function answer(client: Client, message: BatchAnswer): void {
  client.port.postMessage(message);
}

async function close(): Promise<void> {
  closing = false;
  room.close();
  await database.close();
  report({ type: 'closed' });
  process.exit(0);
}

function report(message: WriterReport): void {
  owner.postMessage(message);
}
