/** What sensors see of this machine: `node:fs`, `fetch` and the figures that Node has of its process. */
import { stat } from 'node:fs/promises';
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import type { FileSystem, HttpClient, ProcessMetering } from '../ports/sensing.js';

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

export const nodeFileSystem: FileSystem = {
  async status(path) {
    try {
      const { size, mtimeMs, ctimeMs, ino } = await stat(path);
      return { bytes: size, modifiedMs: mtimeMs, changedMs: ctimeMs, inode: ino };
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  },
};

export const nodeHttpClient: HttpClient = {
  async get({ url, headers, timeoutMs, bodyBytesMax, signal }) {
    const response = await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    const header = (name: string): string | undefined => response.headers.get(name) ?? undefined;
    return {
      status: response.status,
      etag: header('etag'),
      lastModified: header('last-modified'),
      contentType: header('content-type'),
      body: await bodyOf(response, bodyBytesMax),
    };
  },
};

async function bodyOf(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop by an error cancels the rest.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`the body is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, bytes));
}

export const nodeProcessMetering: ProcessMetering = {
  open() {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    let collections = 0;
    let collectionMs = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        collections++;
        collectionMs += duration;
      }
    });
    observer.observe({ entryTypes: ['gc'] });
    return {
      read() {
        const { user, system } = process.cpuUsage();
        const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
        const { active, idle } = performance.eventLoopUtilization();
        // Nothing has been measured yet: NaN, and the greatest number there is.
        const hasDelay = delay.count > 0;
        const loopDelay = { meanMs: hasDelay ? delay.mean / 1e6 : 0, p99Ms: hasDelay ? delay.percentile(99) / 1e6 : 0, maxMs: hasDelay ? delay.max / 1e6 : 0 };
        delay.reset();
        return {
          ...{ cpuUserMs: user / 1000, cpuSystemMs: system / 1000 },
          ...{ residentBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external },
          ...{ loopActiveMs: active, loopIdleMs: idle, loopDelay, collections, collectionMs },
        };
      },
      close() {
        delay.disable();
        observer.disconnect();
      },
    };
  },
};
