/** The page: joins the connection, the views and the address. Snapshots are drawn at most once a frame, and not at all while nobody can see them. */
import type { ConsoleSnapshot, LiveMessage } from '../protocol.js';
import { startAgent } from './agent-view.js';
import { agentsHash, startAgents } from './agents-view.js';
import { ClusterLink, ClusterView } from './cluster-view.js';
import { ConnectionStateView } from './connection-state.js';
import { inspectAgent, RequestFailure } from './console-api.js';
import { agentHref, byId, setAttribute, setHidden, setText } from './dom.js';
import { duration, whole } from './format.js';
import { History } from './history.js';
import { LiveConnection } from './live-connection.js';
import { Overview } from './overview.js';
import { startTheme } from './theme.js';
import { startTree } from './tree-view.js';

const VIEWS = ['overview', 'agents', 'tree', 'cluster', 'agent'] as const;
type View = (typeof VIEWS)[number];

let boundsMs: readonly number[] = [];
let version = '';
let pid = 0;
let intervalMs = 1000;
let newest: ConsoleSnapshot | undefined;
let isPaused = false;
let isDrawing = false;
let view: View = 'overview';
let received = 0;
let missed = 0;
let sequence = 0;

const history = new History();
const connectionState = new ConnectionStateView();
const overview = new Overview(byId('view-overview'), () => boundsMs);
const clusterView = new ClusterView(byId('view-cluster'));
const clusterLink = new ClusterLink(byId('cluster-link'));
const agents = startAgents();
const tree = startTree();
const agent = startAgent();

startTheme(byId<HTMLButtonElement>('theme'));
startPause(byId<HTMLButtonElement>('pause'));
startSearch();
addEventListener('hashchange', () => go(true));
document.addEventListener('visibilitychange', draw);
document.querySelector('.skip')?.addEventListener('click', (event) => {
  // The address is the view: it must not become #main.
  event.preventDefault();
  byId('main').focus();
});
go(false);
new LiveConnection({ state: (state) => connectionState.state(state), message: take }).open();

function take(message: LiveMessage): void {
  switch (message.type) {
    case 'hello':
      if (pid !== 0 && pid !== message.pid) history.clear();
      ({ version, pid, intervalMs, distributionBoundsMs: boundsMs } = message);
      sequence = 0;
      agent.allow(message.actions);
      setHidden(byId('flight'), !message.hasFlightRecord);
      break;
    case 'snapshot':
      missed += message.sequence - sequence - 1;
      sequence = message.sequence;
      received++;
      history.add(message.snapshot);
      if (!isPaused) newest = message.snapshot;
      connectionState.updated();
      setText(byId('received'), `${whole(received)} updates, one every ${duration(intervalMs)}${missed === 0 ? '' : `, ${whole(missed)} missed`}`);
      draw();
      break;
    case 'unavailable':
      connectionState.unavailable(message.message);
      break;
  }
}

function draw(): void {
  if (isDrawing || document.visibilityState !== 'visible') return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (newest === undefined) return;
    const { process } = newest;
    setText(
      byId('process'),
      `Nexus ${version} · process ${process.pid} · Node.js ${process.nodeVersion.replace(/^v/, '')} · ${process.engine.kind} engine${process.isStopping ? ' · stopping' : ''}`,
    );
    if (view === 'overview') overview.show(newest, history);
    if (view === 'cluster') clusterView.show(newest.cluster);
    clusterLink.show(newest.cluster);
    setAttribute(document.documentElement, 'data-drawn', String(newest.takenAtMs));
  });
}

/** Shows what the address names. @param moves the focus goes to it */
function go(moves: boolean): void {
  const [path = '', query = ''] = splitOnce(location.hash.slice(1), '?');
  const [name, id] = splitOnce(path, '/');
  const before = view;
  view = VIEWS.includes(name as View) ? (name as View) : 'overview';
  if (view === 'agent' && (id === undefined || id === '')) view = 'agents';
  for (const each of VIEWS) setHidden(byId(`view-${each}`), each !== view);
  for (const link of document.querySelectorAll('[data-view]')) {
    if (link.getAttribute('data-view') === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (before === 'agent' && view !== 'agent') agent.hide();
  if (before === 'agents' && view !== 'agents') agents.hide();
  if (view === 'agents') agents.show(new URLSearchParams(query));
  if (view === 'tree') tree.show();
  const agentId = view === 'agent' ? decoded(location.hash.slice('#agent/'.length)) : undefined;
  if (agentId !== undefined) agent.show(agentId);
  document.title = `${{ overview: 'Overview', agents: 'Agents', tree: 'Supervision', cluster: 'Cluster', agent: agentId ?? '' }[view]} · Nexus console`;
  if (moves && before !== view) byId('main').focus({ preventScroll: true });
  if (moves && before !== view) scrollTo(0, 0);
  draw();
}

function startPause(button: HTMLButtonElement): void {
  button.addEventListener('click', () => {
    isPaused = !isPaused;
    setAttribute(button, 'aria-pressed', String(isPaused));
    connectionState.pause(isPaused);
    agent.pause(isPaused);
  });
}

/** The whole id of an agent leads to it, anything else to the list of those that begin so. */
function startSearch(): void {
  const field = byId<HTMLInputElement>('search-id');
  byId<HTMLFormElement>('search').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = field.value;
    if (text === '') {
      location.hash = '#agents';
      return;
    }
    inspectAgent(text).then(
      () => {
        location.hash = agentHref(text);
      },
      (error: unknown) => {
        // It is there, but cannot be looked into now: the view says why.
        const isThere = error instanceof RequestFailure && error.status !== 404 && error.status !== 0;
        location.hash = isThere && error.status !== 422 ? agentHref(text) : agentsHash(text, '');
      },
    );
  });
}

function splitOnce(text: string, at: string): [string, string?] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
