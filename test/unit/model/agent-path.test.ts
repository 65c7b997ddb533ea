/** Addresses of agents: whatever a client does to a path, the gateway gets the id that was meant. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentPath as pageAgentPath } from '../../../dist/ts-src/console/page/agent-path.js';
import { withIdOfQuery } from '../../../dist/ts-src/gateway/id-in-query.js';
import { Router } from '../../../dist/ts-src/gateway/router.js';
import { agentPath } from '../../../dist/ts-src/model/agent-path.js';

const router = new Router([
  { pattern: '/agents/:id', methods: {}, always: false },
  { pattern: '/agents/:id/add', methods: {}, always: false },
]);
const ids = fc.oneof(
  fc.constantFrom('.', '..', '-', '...', '%2e', '%2E%2e', '/', '../..', '?', '#', '-?id=.', ' ', '+'),
  fc.string({ unit: 'binary', minLength: 1 }),
);

test('an id comes through every client that normalises URLs, and the page makes the same addresses as the rest', () => {
  fc.assert(
    fc.property(ids, fc.constantFrom('', '/add'), (id, after) => {
      const { pathname, search } = new URL(`http://localhost${agentPath('/agents/', id, after)}`);
      const { route, parameters } = router.match(pathname);
      expect(route.pattern).toBe(`/agents/:id${after}`);
      expect(withIdOfQuery(parameters, search.slice(1))).toEqual({ parameters: { id }, search: '' });
      expect(pageAgentPath('/agents/', id, after)).toBe(agentPath('/agents/', id, after));
    }),
  );
});

test('what else is in the query stays, and an id beside one in the path is nobody else', () => {
  expect(withIdOfQuery({ id: '-', action: 'add' }, 'kind=counter&id=..&x=%26')).toEqual({
    parameters: { id: '..', action: 'add' },
    search: 'kind=counter&x=%26',
  });
  expect(withIdOfQuery({ id: '-' }, 'kind=counter')).toEqual({ parameters: { id: '-' }, search: 'kind=counter' });
  expect(withIdOfQuery({ id: 'a' }, 'id=b')).toEqual({ parameters: { id: 'a' }, search: 'id=b' });
  expect(() => withIdOfQuery({ id: '-' }, 'id=.&id=..')).toThrow(expect.objectContaining({ code: 'GATEWAY_QUERY_INVALID' }));
});
