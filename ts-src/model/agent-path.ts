/**
 * The address of an agent in a URL: its id is a part of the path, percent-encoded. Clients and proxies take `.` and `..` out of a path before anybody reads it, also when they are encoded: these two ids are in the query, and
 * the path has `-` in their place. Pure. Made by whoever asks (commands, the page, the source of a CloudEvent), read by the gateway (`gateway/id-in-query.ts`).
 */

/** In the path where the id is in the query. An agent may have it as its id too: then there is no `id` in the query. */
export const ID_IN_QUERY = '-';

/**
 * @param before as `/agents/`
 * @param after as `/stop`
 */
export function agentPath(before: string, id: string, after = ''): string {
  if (id === '.' || id === '..') return `${before}${ID_IN_QUERY}${after}?id=${id}`;
  return `${before}${encodeURIComponent(id)}${after}`;
}
