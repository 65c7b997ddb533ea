/**
 * The membership thread of a node: its listener, its control connections, its discovery and the file of its state, and the machine over them. It runs nothing of the user, so that nothing keeps it from
 * answering. Started by `membership-thread.ts`.
 */
import { hostname } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { attachSharedMemory } from '../../bindings/shared-memory.js';
import { nodeStateFile } from '../adapters/node-state-file.js';
import { systemClock } from '../adapters/system-clock.js';
import { createWebsocketWire } from '../adapters/websocket/websocket-wire.js';
import type { Logger } from '../model/agent-context.js';
import type { MembershipEvent } from '../protocols/membership/membership.js';
import { Membership } from '../protocols/membership/membership-machine.js';
import { packageVersion } from '../runtime/package-version.js';
import { sendableError } from '../runtime/remote-reply.js';
import { openControlConnections } from './control-connections.js';
import { MembershipSide } from './membership-side.js';
import type { MembershipBoot, MembershipCommand, MembershipKnown, MembershipNews } from './membership-thread-protocol.js';
import { advertisedHost, nodeDiscovery } from './node-discovery.js';

/** What is known is told again so often, for who looks without anything having happened. */
const KNOWN_MS = 1000;
/** Of a large cluster it is told less often: it is copied as a whole. */
const KNOWN_MS_PER_MEMBER = 5;

const { options, memory } = workerData as MembershipBoot;

const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };

try {
  await serve();
} catch (error) {
  const { code, message, data } = error as { readonly code?: string; readonly message: string; readonly data?: Record<string, unknown> };
  tell({ type: 'refused', code, message, data });
}

/** Lines of this thread are lines of the nexus. */
function log(level: keyof Logger): (data: object, message: string) => void {
  return (data, message) => {
    const entries = Object.entries(data).map(([name, value]) => [name, value instanceof Error ? sendableError(value) : value]);
    tell({ type: 'log', level, data: Object.fromEntries(entries), message });
  };
}

async function serve(): Promise<void> {
  let events: MembershipEvent[] = [];
  let side: MembershipSide | undefined;
  const known = (): MembershipKnown => {
    const { self, address } = side as MembershipSide;
    return { self, address, snapshot: (side as MembershipSide).snapshot() };
  };
  const report = (): void => {
    if (side === undefined) return;
    const happened = events;
    events = [];
    tell({ type: 'happened', events: happened, known: known() });
  };
  const wire = createWebsocketWire({ ...(options.tls === undefined ? {} : { tls: options.tls }), logger, clock: systemClock });
  const host = await advertisedHost(options);
  side = await MembershipSide.open({
    options,
    shared: attachSharedMemory(memory),
    hostname: hostname(),
    version: packageVersion(),
    watchesEventLoops: true,
    machine: (configuration) => new Membership(configuration),
    surroundings: {
      clock: systemClock,
      random: Math.random,
      openDatagrams: (datagramEvents) => openControlConnections({ wire, clock: systemClock, options, advertise: host, events: datagramEvents }),
      discovery: nodeDiscovery(options),
      state: options.stateDirectory === undefined ? undefined : nodeStateFile(options.stateDirectory, stateName()),
      happened(event) {
        // What one step leads to is told together.
        if (events.push(event) === 1) setImmediate(report);
      },
      failed: (error, what) => logger.warn({ error }, what),
    },
  });
  tell({ type: 'opened', known: known() });
  let reporting: NodeJS.Timeout | undefined;
  const reportAgain = (): void => {
    report();
    const { members } = (side as MembershipSide).snapshot();
    reporting = setTimeout(reportAgain, Math.max(KNOWN_MS, members.length * KNOWN_MS_PER_MEMBER));
  };
  reportAgain();
  parentPort?.on('message', (command: MembershipCommand) => {
    switch (command.type) {
      case 'describe':
        return side?.describe(command.own);
      case 'leave':
        return side?.leave();
      case 'weigh':
        return side?.weigh(command.weight);
      case 'close':
        clearTimeout(reporting);
        void close(side, wire).finally(() => tell({ type: 'closed' }));
    }
  });
}

async function close(side: MembershipSide | undefined, wire: { close(): Promise<void> }): Promise<void> {
  await side?.close();
  await wire.close();
}

/** Two nodes of one machine may share a directory. */
function stateName(): string {
  return `${options.name}.${options.node ?? `port-${options.listen.port}`}.state`;
}

function tell(news: MembershipNews): void {
  parentPort?.postMessage(news);
}
