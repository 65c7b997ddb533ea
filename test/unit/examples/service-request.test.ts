import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readServiceRequest } from '../../../examples/rate-limiter/service-request.mjs';

const read = (target: string, header?: string | string[], logTime = false) => readServiceRequest('GET', target, header, { logTime });

describe('a request to the service', () => {
  test.each([
    ['/check?client=a', undefined, { type: 'check', client: 'a', input: {} }],
    ['/check', 'a', { type: 'check', client: 'a', input: {} }],
    ['/check?client=a', 'a', { type: 'check', client: 'a', input: {} }],
    ['/check?client=2001%3Adb8%3A%3A1', undefined, { type: 'check', client: '2001:db8::1', input: {} }],
    ['/check?client=2001:db8::1', undefined, { type: 'check', client: '2001:db8::1', input: {} }],
    ['/check?client=a&path=%2Fx+y', undefined, { type: 'check', client: 'a', input: { path: '/x y' } }],
    ['/check?utm=1&client=a&', undefined, { type: 'check', client: 'a', input: {} }],
    ['/stats', undefined, { type: 'stats' }],
    ['/stats', 'a', { type: 'stats' }],
    ['/stats?client=a', undefined, { type: 'clientStats', client: 'a' }],
  ])('%s with %j', (target, header, expected) => {
    expect(read(target, header)).toEqual(expected);
  });

  test.each([
    ['/check', undefined, 400],
    ['/check?', undefined, 400],
    ['/check?client', undefined, 422],
    ['/check?client=', undefined, 422],
    ['/check?client=a%20b', undefined, 422],
    ['/check?client=%C3%A9', undefined, 422],
    ['/check?client=a%00', undefined, 422],
    [`/check?client=${'a'.repeat(257)}`, undefined, 422],
    ['/check?client=%', undefined, 400],
    ['/check?client=%ff', undefined, 400],
    ['/check?client=a&client=a', undefined, 400],
    ['/check?client=a', 'b', 400],
    ['/check', ['a', 'b'], 400],
    ['/check', 'a b', 422],
    ['/check?client=a&at=1', undefined, 400],
    ['/check?client=a&status=404', undefined, 400],
    ['/stats?client=', undefined, 422],
    ['/', undefined, 404],
    ['/checks?client=a', undefined, 404],
    ['*', undefined, 404],
  ])('%s with %j is answered %i or so', (target, header, status) => {
    expect(read(target, header)).toMatchObject({ type: 'invalid', status });
  });

  test('needs GET', () => {
    for (const method of ['POST', 'HEAD', 'PUT', 'get', ''])
      expect(readServiceRequest(method, '/check?client=a', undefined, { logTime: false })).toMatchObject({ status: 405 });
  });

  test('has the time of the log in a replay', () => {
    expect(read('/check?client=a&at=1700000000000&status=404&path=/x', undefined, true)).toEqual({
      type: 'check',
      client: 'a',
      input: { atMs: 1_700_000_000_000, status: 404, path: '/x' },
    });
    expect(read('/check?client=a&at=-5', undefined, true)).toMatchObject({ input: { atMs: -5 } });
    for (const wrong of ['', '&at=', '&at=1.5', '&at=1e3', '&at=99999999999999999999', '&at=1&status=20', '&at=1&status=0200', '&at=1&status=x'])
      expect(read(`/check?client=a${wrong}`, undefined, true)).toMatchObject({ type: 'invalid' });
  });

  test('never throws, and never lets a client through that is not one', () => {
    const targets = fc.oneof(
      fc.webPath(),
      fc.string().map((text) => `/check?client=${text}`),
      fc.string().map((text) => `/check?client=${encodeURIComponent(text)}`),
      fc.webQueryParameters().map((query) => `/check?${query}`),
    );
    fc.assert(
      fc.property(targets, fc.option(fc.string(), { nil: undefined }), fc.boolean(), (target, header, logTime) => {
        const asked = read(target, header, logTime);
        if (asked.type === 'check') expect(asked.client).toMatch(/^[\x21-\x7e]{1,256}$/);
      }),
      { numRuns: 300 },
    );
  });
});
