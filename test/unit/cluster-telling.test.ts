/** What is told of a cluster beside its own events: channels, log lines and counts of refusals. */
import { afterEach, expect, test } from 'vitest';
import { ClusterTelling } from '../../dist/ts-src/cluster/cluster-telling.js';
import { subscribe, TELEMETRY_EVENTS } from '../../dist/ts-src/telemetry/index.js';
import { ManualClock } from './runtime/manual-clock.js';
import type { NodeIdentity } from '../../dist/ts-src/model/node-identity.js';
import { healthyCluster } from '../cluster-snapshots.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function telling(): { readonly told: ClusterTelling; readonly clock: ManualClock; readonly lines: string[]; readonly events: unknown[] } {
  const clock = new ManualClock();
  const lines: string[] = [];
  const line = (level: string) => (data: object, message: string) => {
    const { suppressed } = data as { suppressed?: number };
    lines.push(`${level} ${message}${suppressed === undefined ? '' : ` (${suppressed} left out)`}`);
  };
  const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const events: unknown[] = [];
  for (const name of TELEMETRY_EVENTS.filter((each) => /^nexus:(member|cluster):/.test(each)))
    ends.push(subscribe(name, (event) => events.push([name, event])));
  return { told: new ClusterTelling('shop', logger, clock, () => ({ name: 'shop-1', incarnation: 7 })), clock, lines, events };
}

test('each event of a cluster is published on its channel and logged once', () => {
  const { told, lines, events } = telling();
  const node = { name: 'shop-2', incarnation: 9 };
  const about = { cluster: 'shop', self: 'shop-1' };
  const member = healthyCluster(2).members[1] as ReturnType<typeof healthyCluster>['members'][number];
  told.happened('standing', { standing: 'member', because: undefined });
  told.happened('memberJoined', { ...member, ...node });
  told.happened('reachability', { node, reachability: 'suspect' });
  told.happened('reachability', { node, reachability: 'reachable' });
  told.happened('reachability', { node, reachability: 'unreachable' });
  told.happened('reachability', { node, reachability: 'reachable' });
  told.happened('stalled', { node, threads: [0, 2] });
  told.happened('stalled', { node, threads: [] });
  told.happened('view', { number: 3, members: [node] });
  told.happened('memberRemoved', node);
  told.happened('memberLeft', node);
  told.happened('standing', { standing: 'fenced', because: 'no quorum' });
  expect(lines).toEqual([
    'info this node of the cluster is a member',
    'info a node has joined the cluster',
    'debug the failure detector has changed its mind about a node',
    'debug the failure detector has changed its mind about a node',
    'warn a node cannot be reached',
    'info a node can be reached again',
    'warn event loops of a node are blocked',
    'info no event loop of a node is blocked any more',
    'debug another view was agreed on',
    'warn a node was removed from the cluster: it runs no agents any more',
    'info a node has left the cluster',
  ]);
  const of = { ...about, node: 'shop-2', incarnation: 9 };
  expect(events).toEqual([
    ['nexus:cluster:standing', { ...about, standing: 'member', because: undefined }],
    ['nexus:member:joined', of],
    ...['suspect', 'reachable', 'unreachable', 'reachable'].map((reachability) => ['nexus:member:reachability', { ...of, reachability }]),
    ['nexus:member:stalled', { ...of, threads: [0, 2] }],
    ['nexus:member:stalled', { ...of, threads: [] }],
    ['nexus:cluster:view', { ...about, number: 3, members: ['shop-2'] }],
    ['nexus:member:removed', of],
    ['nexus:member:left', of],
    ['nexus:cluster:standing', { ...about, standing: 'fenced', because: 'no quorum' }],
  ]);
});

test('of blocked event loops of a node a line and its end are said at once, and of those of the next minute how many, and how it is then', () => {
  const { told, clock, lines, events } = telling();
  const [node, other] = [2, 3].map((number) => ({ name: `shop-${number}`, incarnation: 9 })) as [NodeIdentity, NodeIdentity];
  const [blocked, goesOn] = ['warn event loops of a node are blocked', 'info no event loop of a node is blocked any more'];
  const said = (): string[] => lines.splice(0);
  for (let time = 0; time < 500; time++) {
    told.happened('stalled', { node, threads: [0] });
    told.happened('stalled', { node, threads: [] });
  }
  expect(said()).toEqual([blocked, goesOn]);
  expect(events).toHaveLength(1000);
  told.happened('stalled', { node: other, threads: [1] });
  expect(said()).toEqual([blocked]);
  clock.advance(60_000);
  // Of the other one nothing was left out, and it still is.
  expect(said()).toEqual([`${goesOn} (499 left out)`]);
  told.happened('stalled', { node: other, threads: [] });
  expect(said()).toEqual([goesOn]);
  // The one that stays blocked is said to be, although it was left out when it began.
  told.happened('stalled', { node, threads: [0] });
  expect(said()).toEqual([]);
  clock.advance(60_000);
  expect(said()).toEqual([`${blocked} (1 left out)`]);
  told.happened('stalled', { node, threads: [0, 2] });
  told.happened('stalled', { node, threads: [] });
  expect(said()).toEqual([`${goesOn} (1 left out)`]);
  clock.advance(120_000);
  told.happened('stalled', { node, threads: [0] });
  expect(said()).toEqual([blocked]);
  // Of one that is gone nothing is said any more, and no timer is left.
  told.happened('stalled', { node, threads: [0, 1] });
  told.happened('memberRemoved', node);
  expect(said()).toHaveLength(1);
  clock.advance(120_000);
  expect([said(), clock.timers]).toEqual([[], 0]);
  told.happened('stalled', { node, threads: [0] });
  told.close();
  expect(clock.timers).toBe(0);
});

test('what is for the operator to mend is a line of the log', () => {
  const { told, lines } = telling();
  told.warned('no cluster was found');
  expect(lines).toEqual(['warn no cluster was found']);
});

test('refusals are counted by code, of which there is an end, and only the first of each is a warning', () => {
  const { told, lines, events } = telling();
  const from = { host: '10.0.0.9', port: 7400 };
  for (let index = 0; index < 3; index++) told.refused(from, 'NEXUS_FRAME_INVALID', 'it is no frame');
  expect([told.refusals, lines.map((line) => line.split(' ')[0])]).toEqual([{ NEXUS_FRAME_INVALID: 3 }, ['warn', 'debug', 'debug']]);
  expect(events).toHaveLength(3);
  expect(events[0]).toEqual([
    'nexus:cluster:refused',
    { cluster: 'shop', self: 'shop-1', from: '10.0.0.9:7400', code: 'NEXUS_FRAME_INVALID', because: 'it is no frame' },
  ]);
  for (let index = 0; index < 1000; index++) told.refused(from, `CODE_${index}`, 'it is made up');
  expect(Object.keys(told.refusals)).toHaveLength(64);
  expect(told.refusals['(other)']).toBe(1000 - 62);
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(64);
});
