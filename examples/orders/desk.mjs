/**
 * What must run all the time, and needs no memory of the past: an agent that collects the news, and a sensor that looks for articles that run out. Neither is durable, so a
 * supervisor keeps them: if the news fail, the sensor starts anew after them, and says again what is low. Orders and articles need none: they return by themselves.
 */
import { defineAgent, defineSensor, defineSupervisor } from 'nexus-agents';
import { Article } from './article.mjs';
import { articleId } from './order-rules.mjs';

const NEWS_MAX = 100;
const LOOK_EVERY_MS = 5000;
const LOW_UNITS = 10;

export const NEWS_ID = 'news';

export const News = defineAgent({
  kind: 'news',
  state: () => ({ counts: /** @type {Record<string, number>} */ ({}), last: /** @type {object[]} */ ([]) }),
  subscriptions: { 'orders.*.*': 'onSignal', 'stock.*.low': 'onSignal' },
  actions: {
    onSignal(news, /** @type {import('nexus-agents').Signal} */ { topic, epochMs, data }) {
      const what = topic.slice(topic.lastIndexOf('.') + 1);
      news.counts[what] = (news.counts[what] ?? 0) + 1;
      news.last = [...news.last.slice(1 - NEWS_MAX), { topic, epochMs, data }];
    },
    read: (news) => news,
  },
});

/** Says once that an article is low, and again when it has recovered in between. */
export const StockWatch = defineSensor({
  kind: 'stock-watch',
  periodMs: LOOK_EVERY_MS,
  state: (/** @type {{ articles: string[] }} */ { articles }) => ({ articles, low: new Set() }),
  async sense(state, ctx) {
    const signals = [];
    for (const article of state.articles) {
      const agent = ctx.find(articleId(article), Article);
      if (agent === undefined) continue;
      const { available } = await ctx.ask(agent, 'figures');
      if (available >= LOW_UNITS) state.low.delete(article);
      else if (!state.low.has(article)) {
        state.low.add(article);
        signals.push({ topic: `stock.${article}.low`, data: { article, available } });
      }
    }
    return signals;
  },
});

export const Desk = defineSupervisor({
  kind: 'desk',
  strategy: 'restForOne',
  children: (/** @type {{ articles: string[] }} */ { articles }) => [
    { id: NEWS_ID, agent: News },
    { id: 'stock-watch', agent: StockWatch, init: { articles } },
  ],
});
