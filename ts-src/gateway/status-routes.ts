/** The routes for operators and probes: they are served under any load, and ask no other thread. */
import type { Metrics } from '../adapters/prometheus-metrics.js';
import type { Nexus } from '../nexus.js';
import { type Answer, jsonAnswer, textAnswer } from './answer.js';
import type { Serve } from './exchange.js';
import { parseQuery } from './query.js';
import type { Route } from './router.js';

export type StatusNexus = Pick<Nexus, 'agentCount' | 'cluster' | 'engine' | 'isStopping' | 'threads'>;

export function statusRoutes(nexus: StatusNexus, metrics: Pick<Metrics, 'contentType' | 'text'>, isStopping: () => boolean): readonly Route<Serve>[] {
  return [
    {
      pattern: '/health',
      methods: {
        GET: ({ search }) => {
          parseQuery(search, []);
          return health(nexus);
        },
      },
      always: true,
    },
    {
      pattern: '/ready',
      methods: {
        GET: ({ search }) => {
          parseQuery(search, []);
          return ready(nexus, isStopping());
        },
      },
      always: true,
    },
    { pattern: '/metrics', methods: { GET: async () => textAnswer(200, await metrics.text(), metrics.contentType) }, always: true },
  ];
}

/** The process answers: that is all that 200 says here. */
function health(nexus: StatusNexus): Answer {
  const { kind, reason } = nexus.engine;
  const threads = nexus.threads().map(({ thread, state, incarnation, agents, queueDepth }) => ({ thread, state, incarnation, agents, queueDepth }));
  return jsonAnswer(200, { status: 'alive', engine: { kind, reason }, agents: nexus.agentCount, threads });
}

/** Requests that come now will be served. */
function ready(nexus: StatusNexus, gatewayStops: boolean): Answer {
  const missing = nexus.threads().flatMap(({ thread, state }) => (state === 'ready' ? [] : [`thread ${thread} is ${state}`]));
  const { name, standing } = nexus.cluster ?? {};
  // Of a node that is none yet, or no longer, nobody serves what is of the cluster: it would wait until its time is over.
  if (standing !== undefined && standing !== 'member')
    missing.unshift(standing === 'joining' ? `the node has not joined cluster ${name} yet` : `the node is ${standing}`);
  if (nexus.isStopping) missing.unshift('the nexus is stopping');
  if (gatewayStops) missing.unshift('the gateway is stopping');
  return missing.length === 0 ? jsonAnswer(200, { ready: true }) : jsonAnswer(503, { ready: false, missing }, { 'retry-after': '1' });
}
