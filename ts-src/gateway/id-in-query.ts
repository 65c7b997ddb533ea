/** The id of a request whose path cannot have it (`model/agent-path.ts`): taken out of the query. Called before a route is served. */
import { ID_IN_QUERY } from '../model/agent-path.js';
import type { Match } from './router.js';
import { invalidQuery } from './query.js';

type Parameters = Match<unknown>['parameters'];

/** @throws GatewayError GATEWAY_QUERY_INVALID */
export function withIdOfQuery(parameters: Parameters, search: string): { readonly parameters: Parameters; readonly search: string } {
  if (parameters['id'] !== ID_IN_QUERY || search === '') return { parameters, search };
  const query = new URLSearchParams(search);
  const ids = query.getAll('id');
  if (ids.length > 1) throw invalidQuery("parameter 'id' is given twice; give it once", { name: 'id' });
  if (ids.length === 0) return { parameters, search };
  query.delete('id');
  return { parameters: { ...parameters, id: ids[0] as string }, search: query.toString() };
}
