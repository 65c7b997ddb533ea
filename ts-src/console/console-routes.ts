/** The routes of the console that are plain HTTP: the page and its files, one snapshot, the tree, agents, what an operator may do to them, the flight record. */
import { NexusError } from '../errors.js';
import { pageOf } from '../gateway/agent-listing.js';
import { type Answer, jsonAnswer, textAnswer } from '../gateway/answer.js';
import type { GatewayRequest, Serve } from '../gateway/exchange.js';
import { GatewayError } from '../gateway/gateway-error.js';
import { parseQuery, wholeParameter } from '../gateway/query.js';
import type { Route } from '../gateway/router.js';
import { didYouMean } from '../model/nearest-name.js';
import type { ConsoleActions } from './console-actions.js';
import type { ConsoleNexus } from './console-nexus.js';
import type { PageAssets } from './page-assets.js';
import { CONSOLE_ACTIONS, type Subtree, type WhereAnswer } from './protocol.js';
import type { SnapshotSeries } from './snapshot-series.js';

const ID_BYTES_MAX = 1024;
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
/** Each page of a list walks all agents. */
const WALKS_MAX = 4;
const DEPTH_DEFAULT = 2;
/** Less than a person waits. */
const WHERE_TIMEOUT_MS = 5000;
const TREE_AGENTS_MAX = 1000;

export interface ConsoleRoutesNeeds {
  readonly nexus: ConsoleNexus;
  readonly assets: PageAssets;
  readonly series: SnapshotSeries;
  readonly actions: ConsoleActions;
}

export function consoleRoutes({ nexus, assets, series, actions }: ConsoleRoutesNeeds): readonly Route<Serve>[] {
  let walks = 0;
  const get = (pattern: string, serve: (request: GatewayRequest) => Answer | Promise<Answer>): Route<Serve> => ({
    pattern,
    methods: {
      GET: (request) => {
        if (nexus.isStopping) throw new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped');
        return serve(request);
      },
    },
    always: false,
  });
  const page: Serve = ({ search, headers }) => {
    parseQuery(search, []);
    const fresh = { etag: assets.pageTag, 'cache-control': 'no-cache' };
    if (headers['if-none-match']?.split(/ *, */).includes(assets.pageTag)) return { ...textAnswer(304, '', assets.page.contentType), headers: fresh };
    return { ...textAnswer(200, assets.page.body, assets.page.contentType), headers: fresh };
  };
  const asset: Serve = ({ parameters, search }) => {
    parseQuery(search, []);
    const { build = '', file = '' } = parameters;
    const found = build === assets.build ? assets.files.get(file) : undefined;
    if (found === undefined)
      throw new GatewayError('GATEWAY_ROUTE_UNKNOWN', 404, 'there is no such file of the console, or it is of another build: load /console again');
    return { ...textAnswer(200, found.body, found.contentType), headers: { 'cache-control': 'public, max-age=31536000, immutable' } };
  };
  const socketOnly: Serve = () => {
    throw new GatewayError('GATEWAY_WEBSOCKET_REQUIRED', 426, 'this address is for WebSockets', { headers: { upgrade: 'websocket', connection: 'upgrade' } });
  };
  const list = async ({ search, signal }: GatewayRequest): Promise<Answer> => {
    const { kind, prefix, limit, after } = parseQuery(search, ['kind', 'prefix', 'limit', 'after']);
    const count = wholeParameter('limit', limit, LIMIT_DEFAULT, 1, LIMIT_MAX);
    if (kind !== undefined) checkKind(nexus, kind);
    if (walks >= WALKS_MAX)
      throw new GatewayError('GATEWAY_BUSY', 503, `${WALKS_MAX} lists of agents are being made already`, { headers: { 'retry-after': '1' } });
    walks++;
    try {
      return jsonAnswer(200, await pageOf(nexus.agents(kind), count, after, signal, prefix));
    } finally {
      walks--;
    }
  };
  const tree = async ({ search }: GatewayRequest): Promise<Answer> => {
    const { root, depthMax, agentsMax } = parseQuery(search, ['root', 'depthMax', 'agentsMax']);
    const limits = {
      depthMax: wholeParameter('depthMax', depthMax, DEPTH_DEFAULT, 1, 16),
      agentsMax: wholeParameter('agentsMax', agentsMax, LIMIT_DEFAULT, 1, TREE_AGENTS_MAX),
    };
    if (root === undefined) return jsonAnswer(200, await nexus.supervisionTree(limits));
    const node = await nexus.agentTree(checkedId(root), limits);
    if (node === undefined) throw notFound(root);
    return jsonAnswer(200, { root: node } satisfies Subtree);
  };
  const inspect = async ({ parameters, search }: GatewayRequest): Promise<Answer> => {
    parseQuery(search, []);
    const id = checkedId(parameters['id']);
    return jsonAnswer(200, await nexus.inspect(id));
  };
  const where = async ({ parameters, search }: GatewayRequest): Promise<Answer> => {
    parseQuery(search, []);
    const id = checkedId(parameters['id']);
    // First what is known here: asking makes it known.
    const known = nexus.cluster?.where?.(id);
    return jsonAnswer(200, { location: await nexus.locate(id, { timeoutMs: WHERE_TIMEOUT_MS }), known } satisfies WhereAnswer);
  };
  const routes: Route<Serve>[] = [
    { pattern: '/console', methods: { GET: page }, always: true },
    // Relative, so that it is right below a prefix too.
    { pattern: '/console/', methods: { GET: () => ({ ...textAnswer(308, '', 'text/plain'), headers: { location: '../console' } }) }, always: true },
    { pattern: '/console/assets/:build/:file', methods: { GET: asset }, always: true },
    { pattern: '/console/live', methods: { GET: socketOnly }, always: true },
    { pattern: '/console/follow', methods: { GET: socketOnly }, always: true },
    get('/console/snapshot', async ({ search, signal }) => {
      parseQuery(search, []);
      return textAnswer(200, `${(await series.read(signal)).json}\n`, 'application/json; charset=utf-8');
    }),
    get('/console/tree', tree),
    get('/console/agents', list),
    get('/console/where/:id', where),
    get('/console/agents/:id', inspect),
    ...CONSOLE_ACTIONS.map((action) => ({
      pattern: `/console/agents/:id/${action}`,
      methods: {
        POST: (request: GatewayRequest) => {
          parseQuery(request.search, []);
          return actions.perform(action, checkedId(request.parameters['id']), request);
        },
      },
      always: false,
    })),
  ];
  routes.push({
    pattern: '/console/drain',
    methods: {
      POST: (request: GatewayRequest) => {
        parseQuery(request.search, []);
        return actions.drain(request);
      },
    },
    always: false,
  });
  if (typeof nexus.flightRecord === 'function') routes.push(get('/console/flight', ({ search }) => flight(nexus, search)));
  return routes;
}

function flight(nexus: ConsoleNexus, search: string): Answer {
  parseQuery(search, []);
  const body = (nexus.flightRecord as () => Uint8Array)();
  const headers = { 'content-disposition': `attachment; filename="nexus-${process.pid}.flight"` };
  return { status: 200, body, contentType: 'application/octet-stream', headers };
}

function checkKind(nexus: ConsoleNexus, kind: string): void {
  const kinds = nexus.kinds().map((each) => each.kind);
  if (kinds.includes(kind)) return;
  throw new NexusError('NEXUS_KIND_UNKNOWN', `there is no kind '${kind}'${didYouMean(kind, kinds)} Kinds are ${kinds.join(', ') || 'none'}`, {
    data: { kinds },
  });
}

export function checkedId(id: string | undefined): string {
  if (id !== undefined && id.length > 0 && Buffer.byteLength(id) <= ID_BYTES_MAX) return id;
  throw new GatewayError('GATEWAY_ID_INVALID', 422, `an id has 1 to ${ID_BYTES_MAX} bytes of UTF-8`);
}

function notFound(id: string): NexusError {
  return new NexusError('NEXUS_AGENT_NOT_FOUND', `there is no agent '${id}'`, { data: { id } });
}
