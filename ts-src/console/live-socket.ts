/** `/console/live`: the snapshots of the shared series, each client at its own interval, and a slow one only the newest. */
import type { WebSocket } from 'ws';
import type { Logger } from '../model/agent-context.js';
import { DISTRIBUTION_BOUNDS_MS } from '../model/observation.js';
import type { BeginSocket } from './console-sockets.js';
import { NewestFrame } from './newest-frame.js';
import type { ConsoleAction, LiveMessage } from './protocol.js';
import type { SnapshotSeries } from './snapshot-series.js';

export interface LiveSocketNeeds {
  readonly series: SnapshotSeries;
  readonly version: string;
  readonly actions: readonly ConsoleAction[];
  readonly hasFlightRecord: boolean;
  readonly logger: Logger;
}

export function liveSocket({ series, version, actions, hasFlightRecord, logger }: LiveSocketNeeds, intervalMs: number): BeginSocket {
  return (socket: WebSocket) => {
    const frames = new NewestFrame(socket);
    let sequence = 0;
    const say = (message: LiveMessage): void => socket.send(JSON.stringify(message));
    say({ type: 'hello', version, pid: process.pid, intervalMs, actions, hasFlightRecord, distributionBoundsMs: DISTRIBUTION_BOUNDS_MS });
    return series.watch(intervalMs, {
      taken({ json }) {
        const number = ++sequence;
        frames.offer(() => `{"type":"snapshot","sequence":${number},"snapshot":${json}}`);
      },
      unavailable(error) {
        logger.warn({ error }, 'a snapshot for the console could not be taken');
        say({ type: 'unavailable', message: error instanceof Error ? error.message : String(error) });
      },
      ended: () => socket.close(1001, 'the nexus has ended'),
    });
  };
}
