/** The state that a simulated node keeps from one start to the next, on its simulated disk: a file that is written beside, synced and renamed, with a checksum, so that a save is there whole or not at all. */
import { crc32 } from 'node:zlib';
import { NexusError } from '../../errors.js';
import type { NodeStateStore } from '../../ports/node-state.js';
import { DiskError, type SimulatedDisk } from './simulated-disk.js';

const FILE = 'node.state';
/** Larger than any state: a node keeps a number or two. */
export const NODE_STATE_BYTES_MAX = 65_536;

/** Made anew for each life of the node. */
export function simulatedNodeState(disk: SimulatedDisk): NodeStateStore {
  const { life } = disk;
  let last: Promise<void> = Promise.resolve();
  const save = async (bytes: Uint8Array): Promise<void> => {
    if (disk.life !== life) return new Promise(() => undefined);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(crc32(bytes));
    try {
      const fresh = `${FILE}.new`;
      // What a save that failed has left would be behind this one's bytes.
      disk.remove(fresh);
      disk.write(fresh, 0, Buffer.concat([checksum, bytes]));
      await disk.sync(fresh);
      disk.rename(fresh, FILE);
      await disk.syncDirectory();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      const code = error.code === 'ENOSPC' ? 'NEXUS_STORE_FULL' : 'NEXUS_STORE_FAILED';
      throw new NexusError(code, `the state of the node could not be saved: ${error.message}`, { cause: error });
    }
  };
  return {
    load: async () => {
      await disk.turn();
      if (disk.life !== life) return new Promise(() => undefined);
      try {
        const bytes = Buffer.from(disk.read(FILE));
        return bytes.length >= 4 && bytes.readUInt32LE(0) === crc32(bytes.subarray(4)) ? new Uint8Array(bytes.subarray(4)) : undefined;
      } catch (error) {
        if (error instanceof DiskError) return undefined;
        throw error;
      }
    },
    save: (bytes) => {
      if (bytes.length > NODE_STATE_BYTES_MAX)
        return Promise.reject(
          new NexusError('NEXUS_STORE_FAILED', `the state of a node has ${bytes.length} bytes; at most ${NODE_STATE_BYTES_MAX} can be saved`),
        );
      // One after the other: the last one stays. The bytes are those of the call.
      const copy = new Uint8Array(bytes);
      const saved = last.then(() => save(copy));
      last = saved.catch(() => undefined);
      return saved;
    },
  };
}
