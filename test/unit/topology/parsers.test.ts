import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseCfsQuota,
  parseCgroupMemberships,
  parseCgroupMounts,
  parseCpuMax,
  parseDistances,
  parseMeminfo,
  parseNumber,
  parseNumberList,
  parseStatusList,
} from '../../../dist/bindings/host-topology-parsers.js';
import { formatNumberList } from '../../../dist/ts-src/model/topology.js';

const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 8191 }), { maxLength: 200 }).map((list) => list.sort((a, b) => a - b));

describe('a list of numbers', () => {
  it('is read as the kernel writes it', () => {
    expect(parseNumberList('0-3,8,10-11\n')).toEqual([0, 1, 2, 3, 8, 10, 11]);
    expect(parseNumberList('0\n')).toEqual([0]);
    expect(parseNumberList('\n')).toEqual([]);
    expect(parseNumberList('8,0-1,1')).toEqual([0, 1, 8]);
  });

  it.each(['a', '1-', '-1', '3-1', '1,,2', '1 2', '0-3;4', '0-99999', '999999', '1.5', '0x1', '٣'])('is not read from %j', (text) =>
    expect(parseNumberList(text)).toBeUndefined(),
  );

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        expect(parseNumberList(formatNumberList(list))).toEqual(list);
      }),
    );
  });

  it('is written in as few parts as there are gaps', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const gaps = list.filter((number, index) => index === 0 || list[index - 1] !== number - 1).length;
        expect(formatNumberList(list).split(',').filter(Boolean)).toHaveLength(gaps);
      }),
    );
  });

  it('is undefined or ascending numbers, whatever the text', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', '1', '9', '-', ',', '\n', ' ') }));
    fc.assert(
      fc.property(text, (any) => {
        const list = parseNumberList(any);
        if (list !== undefined) expect(list).toEqual([...new Set(list)].sort((a, b) => a - b));
      }),
    );
  });
});

describe('meminfo', () => {
  it('is read for a node and for a host', () => {
    const expected = { memoryBytes: 9_005_260 * 1024, freeBytes: 5_706_264 * 1024 };
    expect(parseMeminfo('Node 0 MemTotal:        9005260 kB\nNode 0 MemFree:         5706264 kB\nNode 0 MemUsed: 1 kB\n')).toEqual(expected);
    expect(parseMeminfo('MemTotal:        9005260 kB\nMemFree:         5706264 kB\n')).toEqual(expected);
  });

  it.each(['', 'MemTotal: 1 kB', 'MemTotal: x kB\nMemFree: 1 kB', 'NotMemTotal: 1 kB\nMemFree: 1 kB', 'MemTotal: 1 MB\nMemFree: 1 kB'])(
    'is not read from %j',
    (text) => expect(parseMeminfo(text)).toBeUndefined(),
  );

  it('is exact for any size', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(1023), (total, free, node) => {
        const text = `Node ${node} MemTotal:${String(total).padStart(15)} kB\nNode ${node} MemFree: ${String(free).padStart(15)} kB\n`;
        expect(parseMeminfo(text)).toEqual({ memoryBytes: total * 1024, freeBytes: free * 1024 });
      }),
    );
  });
});

describe('distances', () => {
  it('are read, one for each node', () => {
    expect(parseDistances('10 21 31 21\n', 4)).toEqual([10, 21, 31, 21]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1 }), (list) => {
        expect(parseDistances(`${list.join(' ')}\n`, list.length)).toEqual(list);
      }),
    );
  });

  it.each([
    ['10 21', 3],
    ['10 21', 1],
    ['10 x', 2],
    ['10 -1', 2],
    ['10 0', 2],
    ['', 1],
  ])('are not read from %j for %i nodes', (text, count) => expect(parseDistances(text, count)).toBeUndefined());
});

describe('what a process may use', () => {
  it('is read from its status', () => {
    const status = 'Name:\tnode\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\nMems_allowed_list:\t0\n';
    expect(parseStatusList(status, 'Cpus_allowed_list')).toEqual([0, 1]);
    expect(parseStatusList(status, 'Mems_allowed_list')).toEqual([0]);
    expect(parseStatusList(status, 'Cpus')).toBeUndefined();
  });

  it('is read from its cgroups', () => {
    expect(parseCgroupMemberships('12:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/c d\n')).toEqual([
      { controllers: ['cpu', 'cpuacct'], path: '/a:b' },
      { controllers: ['name=systemd'], path: '/' },
      { controllers: [], path: '/c d' },
    ]);
    expect(parseCgroupMemberships('')).toEqual([]);
    expect(parseCgroupMemberships('0::relative')).toBeUndefined();
    expect(parseCgroupMemberships('x')).toBeUndefined();
  });

  it('is found where cgroups are mounted', () => {
    const text = [
      '22 1 254:1 / / rw shared:1 - ext4 /dev/root rw',
      '30 22 0:26 /a\\040b /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate',
      '31 30 0:27 / /cg/cpu ro,nosuid shared:9 master:3 - cgroup cgroup rw,cpu,cpuacct',
      'not a mount - cgroup',
      '',
    ].join('\n');
    expect(parseCgroupMounts(text)).toEqual([
      { version: 2, controllers: [], root: '/a b', mountPoint: '/sys/fs/cgroup' },
      { version: 1, controllers: ['rw', 'cpu', 'cpuacct'], root: '/', mountPoint: '/cg/cpu' },
    ]);
  });

  it('is a quota in processors', () => {
    expect(parseCpuMax('max 100000\n')).toBe(Number.POSITIVE_INFINITY);
    expect(parseCpuMax('150000 100000\n')).toBe(1.5);
    expect(parseCfsQuota('-1\n', '100000\n')).toBe(Number.POSITIVE_INFINITY);
    expect(parseCfsQuota('150000\n', '100000\n')).toBe(1.5);
    for (const text of ['', 'max', '0 100000', '1', '1 0', '-5 100', 'a b'])
      expect(parseCpuMax(text) ?? 'none').toBe(text === 'max' ? Number.POSITIVE_INFINITY : 'none');
    expect(parseCfsQuota('-2', '100000')).toBeUndefined();
  });
});

it('no parser throws, whatever the text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, other) => {
      parseNumber(text);
      parseMeminfo(text);
      parseDistances(text, 2);
      parseStatusList(`Cpus_allowed_list:${text}`, 'Cpus_allowed_list');
      parseCgroupMemberships(text);
      parseCgroupMounts(`1 2 0:1 / ${text} - cgroup ${other}`);
      parseCpuMax(text);
      parseCfsQuota(text, other);
    }),
  );
});
