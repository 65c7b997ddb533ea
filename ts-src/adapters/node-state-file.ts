/** What a node keeps from one start to the next, in a file: written whole or not at all, with a checksum. See `ports/node-state.ts`. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NexusError } from '../errors.js';
import type { NodeStateStore } from '../ports/node-state.js';

const MARK = Buffer.from('NXNODE1\n');
const HASH_BYTES = 32;
const FILE_BYTES_MAX = 1_048_576;

/** @param name of the file: two nodes must not have the same one */
export function nodeStateFile(directory: string, name: string): NodeStateStore {
  const path = join(directory, name);
  const unusable = (what: string, cause: unknown): NexusError =>
    new NexusError('NEXUS_NODE_STATE_UNUSABLE', `${path} cannot be ${what}: ${(cause as Error).message}`, { cause, data: { path } });
  return {
    async load() {
      try {
        await makeDirectory(directory);
      } catch (error) {
        throw unusable('made', error);
      }
      try {
        const bytes = await readFile(path);
        return stateIn(bytes);
      } catch (error) {
        if ((error as { readonly code?: string }).code === 'ENOENT') return undefined;
        throw unusable('read', error);
      }
    },
    async save(state) {
      try {
        const temporary = `${path}.new`;
        const file = await open(temporary, 'w', 0o600);
        try {
          await file.writeFile(Buffer.concat([MARK, hashOf(state), state]));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
        // The new name is on disk when its directory is.
        const folder = await open(directory, 'r');
        try {
          await folder.sync();
        } finally {
          await folder.close();
        }
      } catch (error) {
        throw unusable('written', error);
      }
    },
  };
}

/** With those above it. Not that of Node: where a file system takes no new directories and says that one is missing, as /proc does, it tries for ever. */
async function makeDirectory(directory: string): Promise<void> {
  const isThere = await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isThere) return;
  const above = dirname(directory);
  if (above !== directory) await makeDirectory(above);
  await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
    // Two nodes that start at once make the same one.
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Undefined for what is damaged, or something else. */
function stateIn(bytes: Buffer): Uint8Array | undefined {
  const start = MARK.length + HASH_BYTES;
  if (bytes.length < start || bytes.length > FILE_BYTES_MAX || !bytes.subarray(0, MARK.length).equals(MARK)) return undefined;
  const state = bytes.subarray(start);
  return hashOf(state).equals(bytes.subarray(MARK.length, start)) ? new Uint8Array(state) : undefined;
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
