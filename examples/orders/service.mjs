/** HTTP in front of the agents: reads a request, asks one agent, says what it answered. It knows nothing that a restart would have to bring back. */
import { createServer } from 'node:http';
import { Article } from './article.mjs';
import { Desk, NEWS_ID, News } from './desk.mjs';
import { Order, placeInput } from './order.mjs';
import { articleId } from './order-rules.mjs';

/** What `createNexus` needs to know. */
export const MODULES = ['article', 'desk', 'order'].map((name) => new URL(`./${name}.mjs`, import.meta.url));
export const ARTICLES = /** @type {Readonly<Record<string, number>>} */ ({ tea: 100, cups: 60, sugar: 200 });

const BODY_BYTES_MAX = 65_536;
const COMMANDS = /** @type {const} */ (['place', 'pay', 'pack', 'ship', 'cancel']);
const NUMBER = /^\d{1,18}$/;

/** @typedef {{ status: number, body: object }} Outcome */

/**
 * Resolves when the service listens.
 * @param {import('nexus-agents').Nexus} nexus with `MODULES` and storage
 * @param {{ host?: string, port?: number, articles?: Readonly<Record<string, number>>, paymentWithinMs?: number }} [options]
 */
export async function startService(nexus, { host = '127.0.0.1', port = 0, articles = ARTICLES, paymentWithinMs } = {}) {
  // At every start; an article counts a delivery it knows only once.
  for (const [article, units] of Object.entries(articles)) {
    const agent = await nexus.getOrSpawn(Article, articleId(article));
    await agent.ask('receive', { delivery: 'opening', units });
  }
  await nexus.spawn(Desk, { id: 'desk', init: { articles: Object.keys(articles) } });

  /** @param {string} number @param {string} command @param {any} body @returns {Promise<Outcome>} */
  async function order(number, command, body) {
    if (command === 'place') {
      const { success, data, error } = placeInput.safeParse(body);
      if (!success) return { status: 422, body: { error: error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') } };
      const unknown = data.lines.find(({ article }) => nexus.find(articleId(article), Article) === undefined);
      if (unknown !== undefined) return { status: 422, body: { error: `there is no article '${unknown.article}'` } };
    }
    // Only an order that is placed begins to be.
    const init = paymentWithinMs === undefined ? {} : { paymentWithinMs };
    const agent = command === 'place' ? await nexus.getOrSpawn(Order, number, { init }) : nexus.find(number, Order);
    if (agent === undefined) return { status: 404, body: { error: `there is no order ${number}` } };
    const answer = await agent.ask(/** @type {'pay'} */ (command), body);
    return { status: answer.accepted ? 200 : 409, body: answer };
  }

  /** @param {import('node:http').IncomingMessage} request @returns {Promise<Outcome>} */
  async function answer(request) {
    const [, what = '', name = '', command = '', ...rest] = (request.url ?? '').split('?', 1)[0]?.split('/') ?? [];
    if (request.method === 'POST' && what === 'orders' && NUMBER.test(name) && isCommand(command) && rest.length === 0)
      return order(name, command, await bodyOf(request));
    if (request.method === 'GET' && what === 'orders' && NUMBER.test(name) && command === '') {
      const shown = await nexus.find(name, Order)?.ask('view');
      if (shown === undefined || shown.status === 'new') return { status: 404, body: { error: `there is no order ${name}` } };
      return { status: 200, body: shown };
    }
    if (request.method === 'POST' && what === 'articles' && command === 'receive' && rest.length === 0) {
      const article = nexus.find(articleId(name), Article);
      if (article === undefined) return { status: 404, body: { error: `there is no article '${name}'` } };
      return { status: 200, body: await article.ask('receive', await bodyOf(request)) };
    }
    if (request.method === 'GET' && what === 'articles' && command === '') {
      const figures = await nexus.find(articleId(name), Article)?.ask('figures');
      return figures === undefined ? { status: 404, body: { error: `there is no article '${name}'` } } : { status: 200, body: figures };
    }
    if (request.method === 'GET' && what === 'news') {
      const news = await nexus.find(NEWS_ID, News)?.ask('read');
      return { status: 200, body: { agentsInMemory: nexus.agentCount, ...news } };
    }
    return {
      status: 404,
      body: { error: 'POST /orders/NUMBER/place, pay, pack, ship or cancel, /articles/NAME/receive; GET /orders/NUMBER, /articles/NAME, /news' },
    };
  }

  const server = createServer(async (request, response) => {
    const { status, body } = await answer(request).catch(failure);
    if (response.destroyed) return;
    response.writeHead(status, { 'Content-Type': 'application/json', ...(status === 503 ? { 'Retry-After': 1 } : {}) }).end(JSON.stringify(body));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server.off('error', reject)));
  });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://${host}:${address.port}`,
    /** Answers what is under way, and closes. */
    close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      return closed;
    },
  };
}

/** @param {string} name @returns {name is typeof COMMANDS[number]} */
const isCommand = (name) => COMMANDS.includes(/** @type {'pay'} */ (name));

/** What went wrong, as an answer. With 503 nothing is known about what became of the command: whoever sent it sends it again. @param {any} error @returns {Outcome} */
function failure(error) {
  if (error?.code === 'NEXUS_INPUT_INVALID' || error?.code === 'BODY_INVALID') return { status: 422, body: { error: error.message } };
  console.error('orders: a request failed:', error);
  return { status: 503, body: { error: `not now: ${error?.code ?? 'the request failed'}` } };
}

/** @param {import('node:http').IncomingMessage} request */
async function bodyOf(request) {
  const invalid = (/** @type {string} */ message) => Object.assign(new Error(message), { code: 'BODY_INVALID' });
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw invalid(`a body has at most ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw invalid('the body is not JSON');
  }
}
