/** Paths and methods to what serves them. Segments are percent-decoded one by one, so that an id may hold a slash. */
import { quoted } from '../errors.js';
import { didYouMean, nearest } from '../model/nearest-name.js';
import { GatewayError } from './gateway-error.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Route<H> {
  /** Segments that begin with a colon take one part of the path. This text is also the route's name in metrics. */
  readonly pattern: string;
  readonly methods: Partial<Record<Method, H>>;
  /** Served also when too many requests are in flight, and while the gateway stops: what operators and probes ask. */
  readonly always: boolean;
}

export interface Match<H> {
  readonly route: Route<H>;
  readonly parameters: Readonly<Record<string, string>>;
}

export class Router<H> {
  readonly #routes: readonly { readonly route: Route<H>; readonly segments: readonly string[] }[];

  constructor(routes: readonly Route<H>[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.pattern.slice(1).split('/') }));
  }

  /** @throws GatewayError GATEWAY_URL_INVALID, GATEWAY_ROUTE_UNKNOWN */
  match(path: string): Match<H> {
    const parts = path.slice(1).split('/');
    for (const { route, segments } of this.#routes) {
      if (segments.length !== parts.length) continue;
      const taken: [name: string, part: string][] = [];
      const fits = segments.every((segment, index) => {
        const part = parts[index] as string;
        if (!segment.startsWith(':')) return segment === part;
        taken.push([segment.slice(1), part]);
        return part.length > 0;
      });
      if (fits) return { route, parameters: Object.fromEntries(taken.map(([name, part]) => [name, decoded(part)])) };
    }
    const known = this.#routes.flatMap(({ route }) => Object.keys(route.methods).map((method) => `${method} ${route.pattern}`));
    const roots = [...new Set(this.#routes.map(({ segments }) => `/${segments[0]}`))];
    const root = `/${parts[0]}`;
    const hint = roots.includes(root) ? '.' : didYouMean(root, roots);
    throw new GatewayError('GATEWAY_ROUTE_UNKNOWN', 404, `there is no route ${quoted(path)}${hint} Routes are ${known.join(', ')}`, {
      data: roots.includes(root) ? {} : { suggestion: nearest(root, roots) },
    });
  }

  /**
   * HEAD is served by what serves GET: Node leaves the body out.
   * @throws GatewayError GATEWAY_METHOD_UNKNOWN
   */
  handlerOf(route: Route<H>, method: string): H {
    const handler = Object.hasOwn(route.methods, method === 'HEAD' ? 'GET' : method)
      ? route.methods[(method === 'HEAD' ? 'GET' : method) as Method]
      : undefined;
    if (handler !== undefined) return handler;
    const allow = Object.keys(route.methods).flatMap((known) => (known === 'GET' ? ['GET', 'HEAD'] : [known]));
    throw new GatewayError('GATEWAY_METHOD_UNKNOWN', 405, `${route.pattern} has no ${quoted(method)}; it has ${allow.join(', ')}`, {
      headers: { allow: allow.join(', ') },
    });
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new GatewayError('GATEWAY_URL_INVALID', 400, `${quoted(part)} in the path is not percent-encoded UTF-8; encode ids with encodeURIComponent`, {
      cause,
    });
  }
}
