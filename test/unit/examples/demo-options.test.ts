import { describe, expect, test } from 'vitest';
import { DEFAULT_OPTIONS, parseOptions } from '../../../examples/rate-limiter/demo-options.mjs';

describe('the options of the demo', () => {
  test('have defaults', () => {
    expect(parseOptions([])).toEqual({ type: 'run', options: DEFAULT_OPTIONS });
  });

  test('are read', () => {
    expect(parseOptions(['--duration', '2.5', '--clients=300', '--threads', '0', '--connections', '8', '--json'])).toEqual({
      type: 'run',
      options: { seconds: 2.5, clients: 300, threads: 0, connections: 8, log: undefined, json: true, unused: [] },
    });
  });

  test('that mean nothing for a replay are named', () => {
    expect(parseOptions(['--log', 'x.log', '--clients', '5', '--duration', '1'])).toMatchObject({ options: { log: 'x.log', unused: ['duration', 'clients'] } });
  });

  test('ask for help', () => {
    expect(parseOptions(['--help'])).toEqual({ type: 'help' });
  });

  test.each([
    [['--clients', '0'], /--clients is '0'/],
    [['--clients', '-5'], /--clients/],
    [['--clients=-5'], /--clients is '-5'/],
    [['--clients', '1e3'], /--clients is '1e3'/],
    [['--clients', '1000001'], /from 1 to 1,000,000/],
    [['--clients', ''], /--clients is ''/],
    [['--duration', '0'], /--duration is '0'/],
    [['--duration', 'long'], /--duration is 'long'/],
    [['--duration'], /--duration/],
    [['--threads', '1.5'], /--threads is '1.5'/],
    [['--threads', '128'], /from 0 to 127/],
    [['--connections', '0'], /--connections is '0'/],
    [['--log', ''], /--log needs/],
    [['--json=yes'], /--json/],
    [['--clinets', '5'], /--clinets/],
    [['x.log'], /x\.log/],
  ])('%j are refused', (argv, message) => {
    expect(parseOptions(argv)).toMatchObject({ type: 'invalid', message: expect.stringMatching(message) });
  });
});
