/** The process of the proxies: opens the ports that it is told of, sets links as it is told, and ends with whoever has started it. */
import { LinkProxy, type LinkState, type ProxyPort } from './link-proxy.js';

export type ProxyOrder = { readonly type: 'open'; readonly ports: readonly ProxyPort[] } | ({ readonly type: 'set' } & LinkState);
export type ProxyAnswer = { readonly type: 'opened' } | { readonly type: 'failed'; readonly message: string };

const proxy = new LinkProxy(Math.random);
const answer = (message: ProxyAnswer): void => void process.send?.(message);

process.on('message', (order: ProxyOrder) => {
  if (order.type === 'set') return proxy.set(order);
  proxy.listen(order.ports).then(
    () => answer({ type: 'opened' }),
    (error: Error) => answer({ type: 'failed', message: error.message }),
  );
});
// Signals of a terminal are for whoever has started this.
process.on('SIGINT', () => undefined);
process.once('disconnect', () => process.exit(0));
