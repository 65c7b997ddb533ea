/** CloudEvents 1.0: the examples of its specification, and what is not one. */
import fc from 'fast-check';
import { fromCloudEvent, type Signal, toCloudEvent } from 'nexus-agents';
import { describe, expect, test } from 'vitest';

const minimal = { specversion: '1.0', id: 'A234-1234-1234', source: '/mycontext', type: 'com.example.someevent' };
const signalOf = ({ topic, data, options }: ReturnType<typeof fromCloudEvent>, epochMs = 0): Signal => ({
  topic,
  data,
  source: undefined,
  id: options.id as string,
  epochMs: options.epochMs ?? epochMs,
  attributes: options.attributes,
});

describe('events of the specification', () => {
  const examples: [string, Record<string, unknown>, unknown][] = [
    [
      'with text as data',
      {
        ...minimal,
        time: '2018-04-05T17:31:00.000Z',
        comexampleextension1: 'value',
        comexampleothervalue: 5,
        datacontenttype: 'text/xml',
        data: '<much wow="xml"/>',
      },
      '<much wow="xml"/>',
    ],
    [
      'with JSON as data',
      { ...minimal, subject: '123', time: '2018-04-05T17:31:00.000Z', datacontenttype: 'application/json', data: { appinfoA: 'abc', appinfoC: true } },
      { appinfoA: 'abc', appinfoC: true },
    ],
    [
      'with bytes as data',
      { ...minimal, time: '2018-04-05T17:31:00.000Z', datacontenttype: 'application/vnd.apache.thrift.binary', data_base64: 'AQID/w==' },
      new Uint8Array([1, 2, 3, 255]),
    ],
    ['without data', { ...minimal, time: '2018-04-05T17:31:00.000Z', dataschema: 'https://example.com/registry/schemas/v1#/Order' }, undefined],
    ['with null as data', { ...minimal, time: '2018-04-05T17:31:00.000Z', datacontenttype: 'application/json', data: null }, null],
  ];

  test.each(examples)('%s comes in, and goes out as it was', (_, event, data) => {
    const published = fromCloudEvent(event);
    expect(published.topic).toBe('com.example.someevent');
    expect(published.data).toEqual(data);
    expect(published.options.epochMs).toBe(Date.UTC(2018, 3, 5, 17, 31));
    expect(toCloudEvent(signalOf(published))).toEqual(event);
  });

  test('times of RFC 3339, with any offset and fraction, and a leap second', () => {
    const at = (time: string): number | undefined => fromCloudEvent({ ...minimal, time }).options.epochMs;
    expect(at('1985-04-12T23:20:50.52Z')).toBe(Date.UTC(1985, 3, 12, 23, 20, 50, 520));
    expect(at('1996-12-19T16:39:57-08:00')).toBe(Date.UTC(1996, 11, 20, 0, 39, 57));
    expect(at('1990-12-31t23:59:60z')).toBe(Date.UTC(1990, 11, 31, 23, 59, 59));
    expect(fromCloudEvent(minimal).options.epochMs).toBeUndefined();
  });

  test('an attribute that is null is one that is not there', () => {
    expect(fromCloudEvent({ ...minimal, subject: null, time: null, data_base64: null }).options).toEqual({
      id: minimal.id,
      attributes: { source: minimal.source },
    });
  });
});

describe('what is no event', () => {
  test.each([
    [undefined, 'must be an object, not undefined', undefined],
    [[minimal], 'an array', undefined],
    [{ ...minimal, specversion: undefined }, "needs 'specversion'", 'specversion'],
    [{ ...minimal, specversion: '0.3' }, 'only 1.0', 'specversion'],
    [{ ...minimal, id: undefined }, "needs 'id'", 'id'],
    [{ ...minimal, id: '' }, "'id', which must be a non-empty string", 'id'],
    [{ ...minimal, id: 5 }, "'id', which must be a non-empty string", 'id'],
    [{ ...minimal, id: 'x'.repeat(1025) }, '1025 characters', 'id'],
    [{ ...minimal, source: undefined }, "needs 'source'", 'source'],
    [{ ...minimal, source: 'no uri at all' }, 'not a URI reference', 'source'],
    [{ ...minimal, source: '/%zz' }, 'not a URI reference', 'source'],
    [{ ...minimal, type: undefined }, "needs 'type'", 'type'],
    [{ ...minimal, type: 'a..b' }, 'a type that is no topic', 'type'],
    [{ ...minimal, type: 'a.*' }, 'a type that is no topic', 'type'],
    [{ ...minimal, time: 'yesterday' }, 'RFC 3339', 'time'],
    [{ ...minimal, time: '2018-13-05T17:31:00Z' }, 'RFC 3339', 'time'],
    [{ ...minimal, time: 12 }, 'RFC 3339', 'time'],
    [{ ...minimal, subject: '' }, "'subject', which must be a non-empty string", 'subject'],
    [{ ...minimal, dataschema: '/relative' }, 'not a URI', 'dataschema'],
    [{ ...minimal, datacontenttype: 'json' }, 'not a media type', 'datacontenttype'],
    [{ ...minimal, Upper: 'x' }, 'lower-case letters and digits', 'Upper'],
    [{ ...minimal, ext: { a: 1 } }, 'must be a string, a number or a boolean', 'ext'],
    [{ ...minimal, ext: 1.5 }, '32-bit integer', 'ext'],
    [{ ...minimal, ext: 2 ** 40 }, '32-bit integer', 'ext'],
    [{ ...minimal, ext: 'x'.repeat(4097) }, 'more than 4096', 'ext'],
    [{ ...minimal, data: 1, data_base64: 'AQ==' }, 'both', 'data_base64'],
    [{ ...minimal, data_base64: 'A' }, 'not base64', 'data_base64'],
    [{ ...minimal, ...Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`e${n}`, 1])) }, 'the most is 64', undefined],
  ])('%#', (event, reason, attribute) => {
    expect(() => fromCloudEvent(event)).toThrow(reason);
    expect(() => fromCloudEvent(event)).toThrow(
      expect.objectContaining({ code: 'NEXUS_EVENT_INVALID', data: attribute === undefined ? undefined : { attribute } }),
    );
  });
});

test('a signal without an origin gets a source: that of its agent, or that of the nexus', () => {
  const signal: Signal = { id: '1', topic: 'a.b', data: 5, source: undefined, epochMs: 0, attributes: undefined };
  const event = { specversion: '1.0', id: '1', source: '/', type: 'a.b', time: '1970-01-01T00:00:00.000Z', datacontenttype: 'application/json', data: 5 };
  expect(toCloudEvent(signal)).toEqual(event);
  expect(toCloudEvent(signal, { source: 'https://example.com' }).source).toBe('https://example.com');
  const source = { id: 'a/b c' } as never;
  expect(toCloudEvent({ ...signal, source }).source).toBe('/agents/a%2Fb%20c');
  expect(toCloudEvent({ ...signal, source }, { source: 'https://example.com' }).source).toBe('https://example.com/agents/a%2Fb%20c');
  expect(() => toCloudEvent(signal, { source: 'not one' })).toThrow('not a URI');
  expect(() => toCloudEvent(signal, { sources: 'x' } as never)).toThrow("did you mean 'source'?");
});

test('whatever a signal holds, its event is taken back as the same', () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,10}$/);
  const reserved = ['id', 'type', 'time', 'data', 'source', 'subject', 'dataschema', 'specversion', 'datacontenttype'];
  const attributes = fc.dictionary(
    name.filter((each) => !reserved.includes(each)),
    fc.oneof(fc.string({ maxLength: 10 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.boolean()),
    { maxKeys: 5 },
  );
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.oneof(fc.jsonValue(), fc.uint8Array()),
      attributes,
      fc.integer({ min: 0, max: 2 ** 42 }),
      (id, data, extensions, epochMs) => {
        const signal: Signal = { id, topic: 'a.b', data, source: undefined, epochMs, attributes: { ...extensions, source: '/x' } };
        const event = JSON.parse(JSON.stringify(toCloudEvent(signal)));
        const { attributes: got, ...rest } = signalOf(fromCloudEvent(event));
        const expected = data instanceof Uint8Array ? data : JSON.parse(JSON.stringify(data));
        expect(rest).toEqual({ id, topic: 'a.b', data: expected, source: undefined, epochMs });
        expect(got).toEqual(data instanceof Uint8Array ? signal.attributes : { ...signal.attributes, datacontenttype: 'application/json' });
      },
    ),
  );
});

test.each([5, null, {}, { id: 'a', topic: 'a.b', epochMs: 1e30 }, { id: 'a', topic: 'a.*', epochMs: 0 }])('%j is no signal', (value) => {
  expect(() => toCloudEvent(value as never)).toThrow(expect.objectContaining({ code: 'NEXUS_OPTION_INVALID', message: expect.stringContaining('signal') }));
});
