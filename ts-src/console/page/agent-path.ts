/** The address of an agent in a URL, as `model/agent-path.ts` has it: the browser is served nothing but this folder. A test compares the two. */

export function agentPath(before: string, id: string, after = ''): string {
  if (id === '.' || id === '..') return `${before}-${after}?id=${id}`;
  return `${before}${encodeURIComponent(id)}${after}`;
}
