/** The view of the cluster in a browser: what it shows of each state, at any size, to whoever sees it and whoever does not. The snapshots are made up; a real cluster is in `cluster-*.test.ts`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Gateway, startGateway } from '../../dist/ts-src/gateway/index.js';
import { createNexus, type Nexus } from '../../dist/ts-src/index.js';
import type { ClusterSnapshot } from '../../dist/ts-src/model/cluster-snapshot.js';
import { fencedCluster, healthyCluster, splitCluster } from '../cluster-snapshots.js';
import { recorder } from '../start-nexus.js';
import { until } from '../until.js';
import { type Browser, chromium, type Page, startChromium } from './chromium.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HOSTILE = ['<img src=x onerror="document.title=1">', '"><script>document.title=1</script>', '\u202Egnp.exe\u202D', 'مرحبا بالعالم', '<b>'.repeat(341)];

describe.skipIf(chromium === undefined)(
  chromium === undefined ? 'the cluster (skipped: there is no Chromium here)' : 'the cluster',
  { timeout: 180_000 },
  () => {
    let browser: Browser;
    let nexus: Nexus;

    beforeAll(async () => {
      browser = await startChromium(chromium as string);
      nexus = await createNexus({ agents: [], threads: 0, logger: recorder() });
    });

    afterAll(async () => {
      await browser?.close();
      await nexus?.stop({ deadlineMs: 1000 });
    });

    /** As if the nexus were a node of such a cluster. */
    const serve = (cluster: () => ClusterSnapshot | undefined): Promise<Gateway> =>
      startGateway(
        new Proxy(nexus, {
          get(target, name) {
            if (name === 'cluster') return cluster() && { snapshot: cluster };
            const value = Reflect.get(target, name, target) as unknown;
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
        { port: 0, logger: recorder() },
      );

    async function open(url: string, hash = '', { width = 1440, theme = 'light' } = {}): Promise<Page> {
      const page = await browser.open('about:blank');
      onTestFinished(() => page.close());
      await page.call('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
      await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] });
      await page.call('Page.navigate', { url: `${url}/console${hash}` });
      await until(async () => (await textOf(page, '#connection-text')) === 'live');
      return page;
    }
    const textOf = (page: Page, selector: string): Promise<string> =>
      page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.textContent).join('|')`) as Promise<string>;
    const click = (page: Page, label: string): Promise<unknown> =>
      page.evaluate(`[...document.querySelectorAll('a')].find((one) => one.textContent.trim() === ${JSON.stringify(label)}).click()`);
    /** Serious and critical faults that axe finds. */
    const faults = async (page: Page): Promise<string[]> => {
      await page.evaluate(`if (!globalThis.axe) { ${axe}; } true`);
      return (await page.evaluate(
        `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, any }) => id + ': ' + html.slice(0, 160) + ' ' + (any[0]?.message ?? ''))))`,
      )) as string[];
    };

    test('shows the cluster: where this node stands, who is unreachable, who reaches whom, and a node that is fenced as nothing else', async () => {
      let cluster = healthyCluster(9);
      const own = await serve(() => cluster);
      onTestFinished(async () => void (await own.stop({ deadlineMs: 0 })));
      const page = await open(own.url);
      await until(async () => (await page.evaluate(`document.querySelector('#cluster-link').hidden`)) === false);
      await click(page, 'Cluster');
      await until(async () => (await textOf(page, '.area-cluster-nodes tbody th')).split('|').length === 9);
      expect([await textOf(page, '.standing-title'), await textOf(page, '.standing-lease span')]).toEqual(['Member', 'Lease: 4.31 s left||']);
      expect(await textOf(page, '.cluster-totals .total-value')).toBe('9|1|9|shop-1|0|0');
      expect(await page.evaluate(`[document.querySelectorAll('.reach-cut').length, document.querySelectorAll('.reach-cell').length].join()`)).toBe('0,72');
      expect(await textOf(page, '.registry-totals .total-value')).toBe('12.3 k|12.3 k|12.2 k|0|512|131 k');
      expect(await textOf(page, '.area-cluster-nodes tbody .bar-text')).toBe(Array.from({ length: 9 }, () => '11 %').join('|'));
      // Asks a second, their median and their 99th percentile.
      expect(await textOf(page, '.area-cluster-links tbody tr:first-of-type')).toMatch(/1\.23 k\D*510 µs\D*4\.20 ms/);
      cluster = splitCluster(9, 4);
      await until(async () => (await textOf(page, '.cluster-side b')) === 'Side 1|Side 2');
      expect(await textOf(page, '.registry-totals .total[data-bad="true"] .total-detail')).toBe(
        '2 superseded|until reports of shop-6, shop-7, shop-8 and 1 more have come',
      );
      expect(await textOf(page, '.area-cluster-nodes tbody tr td:nth-child(2)')).toMatch(/^(unreachable ▲\|){4}suspect △, leaving\|this node\|reachable/);
      expect(await page.evaluate(`document.querySelectorAll('.reach-cut').length`)).toBe(40);
      expect(await textOf(page, '.reach-sentences')).toContain('shop-1 is not reached by shop-6, shop-7, shop-8, shop-9');
      expect(await textOf(page, '.area-cluster-links')).toContain('100 % ▲');
      expect([await textOf(page, '.link-sign'), await textOf(page, '.standing + [role=status]')]).toEqual([
        ' ▲',
        'Member, 2 sides do not reach each other, 4 unreachable, 1 suspect, 1 with stalled threads, 205 partitions wait for reports',
      ]);
      cluster = fencedCluster(5);
      await until(async () => (await textOf(page, '.standing-title')) === 'Fenced');
      expect(await textOf(page, '.standing-meaning')).toContain('No quorum of the voters of view 5 has answered');
      expect(await page.evaluate(`document.querySelector('.standing').dataset.standing + document.querySelector('.standing-lease').hidden`)).toBe('fencedtrue');
      cluster = splitCluster(100, 40);
      await until(async () => (await textOf(page, '.area-cluster-nodes tbody th')).split('|').length === 100);
      // Runs, not cells; and the names of a side have an end.
      expect(await page.evaluate(`[document.querySelectorAll('.reach-cut').length, document.querySelectorAll('.cluster-side .more').length].join()`)).toBe(
        '100,2',
      );
      expect(await page.evaluate(`document.querySelectorAll('*').length`)).toBeLessThan(6000);
      expect(page.problems).toEqual([]);
    });

    test('the view of the cluster is usable without eyes and on a phone, whatever its state', async () => {
      const hostile = { ...splitCluster(12, 5) };
      const members = hostile.members.map((member, index) => ({
        ...member,
        metadata: { [HOSTILE[index % HOSTILE.length] as string]: '<img src=x>' },
        version: HOSTILE[0] as string,
      }));
      const cases = { healthy: healthyCluster(3), split: { ...hostile, members }, fenced: fencedCluster(5), large: splitCluster(100, 40) };
      let cluster = cases.healthy;
      const own = await serve(() => cluster);
      onTestFinished(async () => void (await own.stop({ deadlineMs: 0 })));
      const found: Record<string, string[]> = {};
      for (const [width, theme] of [
        [1440, 'light'],
        [1440, 'dark'],
        [360, 'light'],
      ] as const) {
        const page = await open(own.url, '#cluster', { width, theme });
        for (const [name, each] of Object.entries(cases)) {
          cluster = each;
          await until(async () => (await textOf(page, '.area-cluster-nodes tbody th')).split('|').length === each.members.length);
          await until(async () => (await textOf(page, '.standing-title')) === (name === 'fenced' ? 'Fenced' : 'Member'));
          found[`${name} ${width} ${theme}`] = await faults(page);
          expect([name, width, await page.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([name, width, true]);
        }
        expect(await page.evaluate(`document.querySelectorAll('main img').length`)).toBe(0);
        expect(page.problems).toEqual([]);
      }
      expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, []])));
      expect(Object.keys(found)).toHaveLength(12);
    });

    test('without a cluster there is no link to one, and its address says so', async () => {
      const own = await serve(() => undefined);
      onTestFinished(async () => void (await own.stop({ deadlineMs: 0 })));
      const page = await open(own.url, '#cluster');
      await until(async () => (await textOf(page, '#view-cluster .empty')).startsWith('This nexus is no node of a cluster.'));
      expect(await page.evaluate(`[document.querySelector('#cluster-link').hidden, document.querySelector('.cluster').hidden].join()`)).toBe('true,true');
    });
  },
);
