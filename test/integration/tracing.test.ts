/** Traces through messages: a message that a traced one causes is handled in a span below it, and no handler ever sees the trace of a stranger. */
import { context, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import fc from 'fast-check';
import type { AgentRef } from 'nexus-agents';
import { createTestNexus, memoryStorage, type TestNexus, type TestNexusOptions } from 'nexus-agents/testing';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Planned, seen } from '../fixtures/traced.mjs';
import { failureOf } from '../start-nexus.js';

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
const tracer = trace.getTracer('test');

type Step = readonly [how: string, to?: unknown, next?: unknown];
interface Plan {
  readonly label: string;
  readonly steps?: readonly Step[];
  readonly fails?: string;
}
interface Seen {
  readonly label: string;
  readonly moment: string;
  readonly thread: number;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}
const noted = seen as Seen[];

beforeEach(() => {
  exporter.reset();
  noted.length = 0;
});

async function start(options: Partial<TestNexusOptions> = {}): Promise<TestNexus> {
  const nexus = await createTestNexus({ agents: [Planned], tracing: {}, seed: 1, ...options });
  onTestFinished(async () => {
    await nexus.stop();
  });
  return nexus;
}

/** Sends from within a span of its own. */
function inRoot<T>(name: string, send: () => T): { readonly traceId: string; readonly spanId: string; readonly result: T } {
  return tracer.startActiveSpan(name, (span) => {
    const result = send();
    span.end();
    const { traceId, spanId } = span.spanContext();
    return { traceId, spanId, result };
  });
}

function spans(): ReadableSpan[] {
  return exporter.getFinishedSpans();
}

interface Drawn {
  readonly how: number;
  readonly to: number;
  readonly then: readonly Drawn[];
}

const HOWS = ['tell', 'ctxTell', 'offer', 'ask', 'askSync', 'after', 'pause', 'emit', 'spawn'] as const;
function drawn(depth: number): fc.Arbitrary<Drawn> {
  const then: fc.Arbitrary<readonly Drawn[]> = depth === 0 ? fc.constant([]) : fc.array(drawn(depth - 1), { maxLength: 3 });
  return fc.record({ how: fc.nat(HOWS.length - 1), to: fc.nat(5), then }, { noNullPrototype: true });
}

test('each handler sees exactly the trace of the message that caused it, over random graphs of tells, asks, offers, timers, signals and spawns', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1_000_000),
      fc.array(fc.record({ isTraced: fc.boolean(), step: fc.array(drawn(2), { minLength: 1, maxLength: 3 }), to: fc.nat(5) }), { minLength: 2, maxLength: 5 }),
      async (seed, roots) => {
        exporter.reset();
        noted.length = 0;
        const nexus = await createTestNexus({ agents: [Planned], tracing: {}, seed });
        const agents = await nexus.settle(
          Promise.all([0, 1, 2, 3, 0, 1].map((thread, index) => nexus.spawn(Planned, { id: `p${index}`, thread, init: { topic: index } }))),
        );
        await nexus.settle(nexus.subscribed());
        const parentOf = new Map<string, string>();
        let labels = 0;
        const plan = (root: string, parent: string, steps: readonly Drawn[]): Plan => {
          const label = `${root}.${labels++}`;
          parentOf.set(label, parent);
          const planned = steps.map(({ how, to, then }): Step => {
            const name = HOWS[how] as string;
            const agent = agents[to] as AgentRef;
            // A handler without an await only sends: what is below it is told.
            if (name === 'pause') return ['pause'];
            if (name === 'after') return ['after', plan(root, label, then)];
            if (name === 'emit') return ['emit', to, plan(root, label, then)];
            if (name === 'spawn') {
              const spawned = `${root}.${labels++}`;
              // A start hook has no span of its own: it runs in that of whoever spawns.
              parentOf.set(spawned, `same as ${label}`);
              return ['spawn', to % 4, { label: spawned }];
            }
            return [name, agent, name === 'askSync' ? { ...plan(root, label, []) } : plan(root, label, then)];
          });
          return { label, steps: planned };
        };
        const begun = roots.map(({ isTraced, step, to }, index) => {
          const sent = plan(`r${index}`, `root r${index}`, step);
          const target = agents[to] as AgentRef<typeof Planned>;
          const send = (): unknown => target.tell('go', sent as never);
          if (isTraced) return inRoot(`r${index}`, send);
          send();
          return undefined;
        });
        await nexus.run();
        await nexus.advance(1000);
        await nexus.advance(1000);
        const spanOf = new Map(noted.filter(({ moment }) => moment === 'begin').map(({ label, spanId }) => [label, spanId]));
        // Every plan was followed, on some thread, once.
        expect([...spanOf.keys()].sort()).toEqual([...parentOf.keys()].sort());
        for (const { label, traceId, spanId } of noted) {
          const root = begun[Number(label.slice(1).split('.')[0])];
          expect(traceId, label).toBe(root?.traceId);
          // Also after each await.
          expect(spanId, label).toBe(spanOf.get(label));
        }
        const parents = new Map(spans().map((span) => [span.spanContext().spanId, span.parentSpanContext?.spanId]));
        for (const [label, parent] of parentOf) {
          const root = begun[Number(label.slice(1).split('.')[0])];
          if (root === undefined) continue;
          const span = spanOf.get(label) as string;
          if (parent.startsWith('same as ')) expect(span).toBe(spanOf.get(parent.slice(8)));
          else expect(parents.get(span), label).toBe(parent.startsWith('root ') ? root.spanId : spanOf.get(parent));
        }
        // None but those of the traced ones.
        const traced = new Set(begun.flatMap((root) => (root === undefined ? [] : [root.traceId])));
        expect(spans().every((span) => traced.has(span.spanContext().traceId))).toBe(true);
        await nexus.stop();
      },
    ),
    { numRuns: 60 },
  );
});

test('a span says who handled what, where, how long it had waited and how it ended', async () => {
  const nexus = await start();
  const agent = await nexus.settle(nexus.spawn(Planned, { id: 'a', thread: 2 }));
  inRoot('told', () => agent.tell('now', { label: 'x' } as never));
  await nexus.run();
  const span = spans().find(({ name }) => name === 'planned now') as ReadableSpan;
  expect(span.attributes).toEqual({
    'messaging.system': 'nexus',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'now',
    'messaging.destination.name': 'planned',
    'nexus.agent.id': 'a',
    'nexus.agent.kind': 'planned',
    'nexus.action': 'now',
    'nexus.thread': 2,
    'nexus.message.wait_ms': expect.any(Number),
    'nexus.outcome': 'handled',
  });
  expect(span.kind).toBe(4);
  expect(span.status.code).toBe(0);
});

test.for(['go', 'now'] as const)('a handler that fails is a span with the error, and the asker gets it: %s', async (action) => {
  const nexus = await start();
  const agent = await nexus.settle(nexus.spawn(Planned, { id: 'a', thread: 1 }));
  const { result } = inRoot('asked', () => failureOf(agent.ask(action, { label: 'x', fails: 'no such luck' } as never) as Promise<unknown>));
  expect((await nexus.settle(result))?.message).toBe('no such luck');
  const span = spans().find(({ name }) => name === `planned ${action}`) as ReadableSpan;
  expect(span.attributes['nexus.outcome']).toBe('failed');
  expect(span.status).toEqual({ code: 2, message: 'no such luck' });
  expect(span.events.map(({ name, attributes }) => [name, attributes?.['exception.message']])).toEqual([['exception', 'no such luck']]);
});

test('who asks goes on in its own context', async () => {
  const nexus = await start();
  const [asker, asked] = await nexus.settle(Promise.all([1, 2].map((thread) => nexus.spawn(Planned, { thread }))));
  const { traceId } = inRoot('outer', () =>
    (asker as AgentRef<typeof Planned>).tell('go', { label: 'asker', steps: [['ask', asked, { label: 'asked', steps: [['pause']] }], ['pause']] } as never),
  );
  await nexus.run();
  const of = (label: string): Seen[] => noted.filter((each) => each.label === label);
  expect(new Set(of('asker').map(({ spanId }) => spanId)).size).toBe(1);
  expect(of('asker').length).toBe(3);
  expect(of('asked').every((each) => each.traceId === traceId && each.spanId !== of('asker')[0]?.spanId)).toBe(true);
});

test('messages in the mailbox of an agent that moves keep their trace, and so do its timers and what comes after it', async () => {
  const nexus = await start();
  const agent = await nexus.settle(nexus.spawn(Planned, { thread: 1 }));
  const other = await nexus.settle(nexus.spawn(Planned, { thread: 3 }));
  const first = inRoot('first', () =>
    agent.tell('slowly', {
      label: 'first',
      steps: [
        ['after', { label: 'timer' }],
        ['ask', other, { label: 'held up' }],
      ],
    } as never),
  );
  const second = inRoot('second', () => agent.tell('now', { label: 'second' } as never));
  agent.tell('now', { label: 'untraced' } as never);
  const third = inRoot('third', () => agent.ask('now', { label: 'third' } as never));
  const moving = nexus.migrate(agent, 2);
  const fourth = inRoot('fourth', () => agent.tell('now', { label: 'fourth' } as never));
  await nexus.settle(moving);
  await nexus.run();
  await nexus.advance(100);
  const traces = Object.fromEntries(noted.filter(({ moment }) => moment === 'begin').map(({ label, traceId }) => [label, traceId]));
  expect(traces).toEqual({
    first: first.traceId,
    'held up': first.traceId,
    timer: first.traceId,
    second: second.traceId,
    untraced: undefined,
    third: third.traceId,
    fourth: fourth.traceId,
  });
  expect(new Set(noted.filter(({ label }) => label !== 'held up').map(({ thread }) => thread))).toEqual(new Set([1, 2]));
});

test.for(['tell', 'ask'] as const)('a message that brings a durable agent back to memory keeps its trace: %s', async (how) => {
  const { Keeper } = (await import('../fixtures/keeper.mjs')) as unknown as { Keeper: typeof Planned };
  const nexus = await start({ agents: [Keeper], storage: memoryStorage() });
  const keeper = await nexus.settle(nexus.spawn(Keeper, { id: 'k', thread: 2 }));
  await nexus.settle(keeper.stop());
  await nexus.run();
  const { traceId, spanId } = inRoot('wakes', () => void (keeper[how] as (action: string) => unknown)('keep'));
  await nexus.run();
  await nexus.advance(1000);
  const kept = spans().filter(({ name }) => name === 'keeper keep');
  expect(kept.map((span) => [span.spanContext().traceId, span.parentSpanContext?.spanId])).toEqual([[traceId, spanId]]);
});

test('what is sent through a group, or to an id, keeps its trace', async () => {
  const nexus = await start();
  const agent = await nexus.settle(nexus.spawn(Planned, { id: 'a', thread: 2, init: { group: 'all' } }));
  await nexus.run();
  const group = nexus.group('all', Planned);
  const sent = [
    inRoot('tell', () => group.tell('now', { label: 'tell' } as never)),
    inRoot('ask', () => void group.ask('now', { label: 'ask' } as never)),
    inRoot('broadcast', () => group.broadcast('now', { label: 'broadcast' } as never)),
    inRoot('send', () => nexus.send(agent.id, 'now', { label: 'send' })),
  ];
  await nexus.run();
  expect(noted.map(({ traceId }) => traceId)).toEqual(sent.map(({ traceId }) => traceId));
});

test('a periodic timer belongs to no trace', async () => {
  const nexus = await start();
  const Ticking = (await import('nexus-agents')).defineAgent({
    kind: 'ticking',
    state: () => ({ traces: [] as (string | undefined)[] }),
    actions: {
      begin: (_state, _input: undefined, ctx) => void ctx.timers.every(10, 'tick'),
      tick: (state) => void state.traces.push(trace.getSpanContext(context.active())?.traceId),
      traces: (state) => state.traces,
    },
  });
  const ticking = await start({ agents: [Ticking], threads: 0 });
  const agent = await ticking.settle(ticking.spawn(Ticking));
  inRoot('begins', () => agent.tell('begin'));
  await ticking.advance(35);
  expect(await ticking.settle(agent.ask('traces'))).toEqual([undefined, undefined, undefined]);
  await nexus.run();
});

test('with a ratio of 1 every message that nothing traced has caused begins a trace, up to so many in a second, and none where the sender has decided against', async () => {
  const nexus = await start({ tracing: { ratio: 1, tracesPerSecondMax: 3 } });
  const agent = await nexus.settle(nexus.spawn(Planned, { thread: 1 }));
  await nexus.advance(1000);
  noted.length = 0;
  for (let index = 0; index < 5; index++) agent.tell('now', { label: `m${index}` } as never);
  const unsampled = trace.setSpanContext(context.active(), { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0 });
  context.with(unsampled, () => agent.tell('now', { label: 'unsampled' } as never));
  await nexus.advance(1000);
  context.with(unsampled, () => agent.tell('now', { label: 'unsampled later' } as never));
  await nexus.run();
  const traced = noted.filter(({ traceId }) => traceId !== undefined);
  expect(traced.map(({ label }) => label)).toEqual(['m0', 'm1', 'm2']);
  expect(new Set(traced.map(({ traceId }) => traceId)).size).toBe(3);
  expect(spans().every((span) => span.parentSpanContext === undefined)).toBe(true);
});

test('a trace ends after 1,000 messages that follow from each other', async () => {
  let handled = 0;
  let traced = 0;
  const Endless = (await import('nexus-agents')).defineAgent({
    kind: 'endless',
    state: () => ({}),
    actions: {
      next(_state, _input: undefined, ctx) {
        handled++;
        if (trace.getSpanContext(context.active()) !== undefined) traced++;
        if (handled < 1500) ctx.tell(ctx.self as AgentRef<typeof Endless>, 'next');
      },
    },
  });
  const nexus = await start({ agents: [Endless], threads: 0 });
  const agent = await nexus.settle(nexus.spawn(Endless));
  inRoot('begins', () => agent.tell('next'));
  await nexus.run();
  expect({ handled, traced }).toEqual({ handled: 1500, traced: 1000 });
});

test('every line of ctx.logger has agent, kind and thread, and the ids of its trace where it is traced', async () => {
  const lines: Record<string, unknown>[] = [];
  const keep = (data: object): void => void lines.push(data as Record<string, unknown>);
  const nexus = await start({ logger: { debug: () => undefined, info: keep, warn: keep, error: keep } });
  const agent = await nexus.settle(nexus.spawn(Planned, { id: 'a', thread: 2 }));
  const plan = { label: 'x', steps: [['log'], ['pause'], ['log']] } as never;
  const { traceId } = inRoot('traced', () => agent.tell('go', plan));
  await nexus.run();
  agent.tell('go', plan);
  await nexus.run();
  const { spanId } = noted[0] as Seen;
  const common = { agent: 'a', kind: 'planned', thread: 2, label: 'x' };
  const traced = { ...common, trace_id: traceId, span_id: spanId };
  expect(lines).toEqual([traced, traced, common, common]);
});

test('an SDK that fails does not fail the agent, and is said once', async () => {
  const lines: string[] = [];
  const keep = (_data: object, message: string): void => void lines.push(message);
  const nexus = await start({ logger: { debug: () => undefined, info: keep, warn: keep, error: keep } });
  const agent = await nexus.settle(nexus.spawn(Planned, { thread: 0 }));
  const { onEnd } = SimpleSpanProcessor.prototype;
  SimpleSpanProcessor.prototype.onEnd = () => {
    throw new Error('a processor that fails');
  };
  onTestFinished(() => {
    SimpleSpanProcessor.prototype.onEnd = onEnd;
  });
  const span = tracer.startSpan('outer');
  const replies = context.with(trace.setSpan(context.active(), span), () => [1, 2].map((index) => agent.ask('go', { label: `${index}` } as never)));
  expect(await nexus.settle(Promise.all(replies as Promise<unknown>[]))).toEqual(['1', '2']);
  expect(lines.filter((line) => line.includes('OpenTelemetry'))).toEqual(['the OpenTelemetry SDK of this thread failed; this is said once']);
});
