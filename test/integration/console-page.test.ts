/** The page of the console in a browser: what it shows, how it is used without a mouse and without eyes, what it does when the nexus is away, and that nothing from outside becomes markup. */
import { readFileSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Gateway, type GatewayOptions, startGateway } from '../../dist/ts-src/gateway/index.js';
import { createNexus, type Nexus, type SystemSnapshot } from '../../dist/ts-src/index.js';
import { DISTRIBUTION_BOUNDS_MS } from '../../dist/ts-src/model/observation.js';
import { recorder } from '../start-nexus.js';
import { until } from '../until.js';
import { visible } from '../../dist/ts-src/console/page/visible-text.js';
import { type Browser, chromium, type Page, startChromium } from './chromium.js';

const TOKEN = 'the-token-of-this-test';
const town = new URL('../fixtures/console-town.mjs', import.meta.url);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where ids and texts come from people who mean harm, or live elsewhere. */
const HOSTILE = [
  '<img src=x onerror="document.title=1">',
  '"><script>document.title=1</script>',
  "'; drop table agents; --",
  '</td></tr></table><h1>gone</h1>',
  'javascript:alert(1)',
  '\u202Egnp.exe\u202D',
  'مرحبا بالعالم',
  '👩‍👩‍👧‍👦'.repeat(20),
  '<b>'.repeat(341),
  'a/b?c#d%00&e',
  'line\nbreak\ttab',
];

/** As the nexus, but what is given in its place. */
function withParts(nexus: Nexus, parts: Partial<Record<keyof Nexus, unknown>>): Nexus {
  return new Proxy(nexus, {
    get(target, name) {
      if (name in parts) return parts[name as keyof Nexus];
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const EMPTY: SystemSnapshot = {
  takenAtMs: 0,
  periodMs: 1000,
  process: { pid: 1, nodeVersion: 'v20.0.0', engine: { kind: 'native', reason: '' }, uptimeMs: 0, cpuCores: 0, residentBytes: 0, isStopping: false },
  agents: { live: 0, spawnedPerSecond: 0, stoppedPerSecond: 0 },
  messages: { handledPerSecond: 0, failedPerSecond: 0, localPerSecond: 0, remotePerSecond: 0, remoteBytesPerSecond: 0, waiting: 0 },
  threads: [],
  kinds: [],
  actions: [],
  flows: [],
  mailboxes: [],
  deadLetters: { totals: {}, perSecond: 0, recent: [] },
  restarts: { total: 0, perSecond: 0, recent: [] },
  durations: Object.fromEntries(
    ['ask_local', 'ask_remote', 'turn', 'message_wait'].map((name) => [name, { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 }]),
  ) as never,
};

/** Every list as long as it may be, every text as bad as it may be. */
function extreme(turn: number): SystemSnapshot {
  const name = (index: number): string => `${HOSTILE[index % HOSTILE.length]}${index >= HOSTILE.length ? index : ''}`.slice(0, 100);
  const id = (index: number): string => `${HOSTILE[index % HOSTILE.length]}${index}`.padEnd(1024, '<i>').slice(0, 1024);
  const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make((index + turn) % count));
  const atMs = Date.now();
  return {
    ...EMPTY,
    takenAtMs: atMs,
    agents: { live: 1_234_567, spawnedPerSecond: 9.9e5, stoppedPerSecond: 1e6 },
    messages: { handledPerSecond: 4.7e7, failedPerSecond: 1e6, localPerSecond: 9e7, remotePerSecond: 8.8e6, remoteBytesPerSecond: 1e12, waiting: 1e9 },
    threads: many(128, (thread) => ({
      thread,
      state: thread === 5 ? 'lost' : 'ready',
      isAnswering: thread !== 7,
      incarnation: thread % 5,
      agents: 1e4,
      waiting: 1e6,
      handledPerSecond: 1e6,
      localPerSecond: 1e6,
      remotePerSecond: 1e6,
      load: thread === 9 ? undefined : { utilization: thread / 127, lagMs: thread * 10, collecting: thread / 200, heapUsedBytes: 4e9, heapLimitBytes: 4.3e9 },
    })) as never,
    kinds: many(200, (index) => ({ kind: name(index), agents: 200_000 - index, handledPerSecond: 1e6 })),
    actions: many(50, (index) => ({
      kind: name(index),
      action: `${name(index)}!`,
      perSecond: 1e6,
      failedPerSecond: 1,
      samples: 100,
      meanMs: 1,
      p50Ms: 0.0004,
      p99Ms: 9e6,
      maxMs: 1e7,
      distribution: [...DISTRIBUTION_BOUNDS_MS.map((_, bound) => bound * index), 7],
    })),
    flows: many(200, (index) => ({ from: name(index % 20), to: name((index * 7) % 31), perSecond: 1000 - index })).filter(
      ({ from, to }, at, all) => all.findIndex((other) => other.from === from && other.to === to) === at,
    ),
    mailboxes: many(20, (index) => ({ id: id(index), kind: name(index), thread: 127, waiting: 16_777_216, capacity: 16_777_216 })),
    deadLetters: {
      totals: { noAgent: 1e12, mailboxFull: 3, 'a <b>new</b> reason': 1, ...JSON.parse('{"__proto__": 4}') },
      perSecond: 1e5,
      recent: many(20, (index) => ({ atMs, reason: 'noAgent', kind: undefined, id: index % 3 === 0 ? undefined : id(index), action: name(index), thread: 1 })),
    },
    restarts: {
      total: 1e9,
      perSecond: 1e3,
      recent: many(20, (index) => ({ atMs, kind: name(index), id: id(index), action: undefined, thread: 1, error: `${name(index)}\n    at x`.repeat(20) })),
    },
  };
}

describe.skipIf(chromium === undefined)(chromium === undefined ? 'the page (skipped: there is no Chromium here)' : 'the page', { timeout: 180_000 }, () => {
  let browser: Browser;
  let nexus: Nexus;
  let gateway: Gateway;

  beforeAll(async () => {
    browser = await startChromium(chromium as string);
    nexus = await createNexus({ agents: [town], threads: 1, logger: recorder() });
    gateway = await serve(nexus, { console: { token: TOKEN } });
    await spawn('desk', 'desk');
    await spawn('visitor', 'visitor-0');
    for (let index = 0; index < 8; index++) await spawn('cart', `cart-${index}`);
    await spawn('catalog', 'catalog-0');
    for (const id of HOSTILE) await spawn('customer', id);
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.stop({ deadlineMs: 1000 });
    await nexus?.stop({ deadlineMs: 1000 });
  });

  const spawn = (kind: string, id: string) => nexus.spawn({ kind } as never, { id } as never);
  const serve = (of: Nexus, options: GatewayOptions = {}) => startGateway(of, { port: 0, logger: recorder(), ...options });

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
  const drawn = (page: Page) => until(async () => (await page.evaluate(`document.documentElement.dataset.drawn !== undefined`)) === true);
  const click = (page: Page, label: string): Promise<unknown> =>
    page.evaluate(
      `(() => { const found = [...document.querySelectorAll('button, a')].find((one) => one.textContent.trim() === ${JSON.stringify(label)} && one.offsetParent !== null); if (!found) throw new Error('no ' + ${JSON.stringify(label)}); found.click(); })()`,
    );
  const focused = (page: Page): Promise<string> =>
    page.evaluate(`(() => { const a = document.activeElement; return a.id || a.textContent.trim().slice(0, 60); })()`) as Promise<string>;
  const press = async (page: Page, key: string, times = 1): Promise<void> => {
    const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
    const code = { Tab: 9, Enter: 13, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Home: 36, End: 35, Escape: 27 }[key] ?? key.charCodeAt(0);
    for (let time = 0; time < times; time++) {
      await page.call('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, windowsVirtualKeyCode: code, ...(text === undefined ? {} : { text }) });
      await page.call('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode: code });
    }
  };
  /** Serious and critical faults that axe finds. */
  const faults = async (page: Page): Promise<string[]> => {
    await page.evaluate(`if (!globalThis.axe) { ${axe}; } true`);
    return (await page.evaluate(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, any }) => id + ': ' + html.slice(0, 160) + ' ' + (any[0]?.message ?? ''))))`,
    )) as string[];
  };

  test('shows a system at work in all its views, without an error or a breach of its content security policy', async () => {
    const page = await open(gateway.url);
    await until(async () => Number(/(\d+) updates/.exec(await textOf(page, '#received'))?.[1]) >= 3);
    await until(async () => (await textOf(page, '.area-flows')).includes('visitor'));
    expect(await textOf(page, '.area-totals dt')).toBe('Agents|Handled /s|Failed /s|Waiting messages|Dead letters /s|CPU cores|Memory');
    expect(await textOf(page, '.total-value')).toMatch(/^2\d\|/);
    expect(await textOf(page, '.area-kinds tbody th')).toContain('customer|cart');
    expect(await textOf(page, '.area-threads tbody th')).toMatch(/^0 calling\|1$/);
    expect(await textOf(page, '.area-actions tbody th')).toContain('add');
    expect(await textOf(page, '.area-dead-letters')).toContain('no such agent');
    expect(await page.evaluate(`document.querySelectorAll('.flow-edge').length`)).toBeGreaterThan(2);
    await click(page, 'Agents');
    await until(async () => (await textOf(page, '#view-agents tbody th')).includes('cart-0'));
    await click(page, 'cart-0');
    await until(
      async () => (await textOf(page, '#view-agent .area-state')).includes('customer') || (await textOf(page, '#view-agent .area-state')).includes('Frau'),
    );
    expect(await page.evaluate('location.hash')).toBe('#agent/cart-0');
    expect(await textOf(page, '#view-agent .facts')).toContain('Groupscarts, shop-floor');
    await click(page, 'Follow messages');
    await until(async () => (await textOf(page, '.follow-table tbody')).includes('visitor visitor-0'));
    await click(page, 'Stop following');
    await click(page, 'Supervision');
    await until(async () => (await textOf(page, '[role=tree]')).includes('desk'));
    expect(page.problems).toEqual([]);
  });

  test('is usable without eyes: axe finds nothing serious in any view, light and dark, wide and narrow', async () => {
    const down = await door(gateway);
    const found: Record<string, string[]> = {};
    for (const width of [1440, 360]) {
      for (const theme of ['light', 'dark']) {
        const page = await open(down.url, '', { width, theme });
        await until(async () => (await textOf(page, '.area-flows')).includes('visitor'));
        found[`overview ${width} ${theme}`] = await faults(page);
        await page.evaluate(`location.hash = '#agents'`);
        await until(async () => (await textOf(page, '#view-agents tbody th')).includes('cart-0'));
        found[`agents ${width} ${theme}`] = await faults(page);
        await page.evaluate(`location.hash = '#tree'`);
        await until(async () => (await textOf(page, '[role=tree]')).includes('desk'));
        found[`tree ${width} ${theme}`] = await faults(page);
        await page.evaluate(`location.hash = '#agent/cart-0'`);
        await until(async () => (await textOf(page, '#view-agent .area-state')).includes('Frau'));
        await click(page, 'Follow messages');
        await until(async () => (await textOf(page, '.follow-table tbody')).includes('add'));
        found[`agent ${width} ${theme}`] = await faults(page);
        await click(page, 'Stop …');
        found[`dialog ${width} ${theme}`] = await faults(page);
        await press(page, 'Escape');
        await page.evaluate(`location.hash = '#overview'`);
        down.close();
        await until(async () => (await textOf(page, '#connection-text')) === 'disconnected');
        found[`disconnected ${width} ${theme}`] = await faults(page);
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        down.open();
      }
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, []])));
    expect(Object.keys(found)).toHaveLength(24);
  });

  test('is usable by the keyboard alone: past the header, through the tree, to an agent', async () => {
    const page = await open(gateway.url);
    await drawn(page);
    await press(page, 'Tab');
    expect(await focused(page)).toBe('Skip to content');
    await press(page, 'Enter');
    expect([await focused(page), await page.evaluate('location.hash')]).toEqual(['main', '']);
    await page.evaluate(`document.activeElement.blur(), document.querySelector('.skip').focus()`);
    const order: string[] = [];
    for (let step = 0; step < 7; step++) {
      await press(page, 'Tab');
      order.push(await focused(page));
    }
    expect(order).toEqual(['Overview', 'Agents', 'Supervision', 'search-id', 'Find', 'pause', 'theme']);
    expect(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`)).toBe('solid');
    await page.evaluate(`document.querySelector('[data-view=tree]').focus()`);
    await press(page, 'Enter');
    await until(async () => (await textOf(page, '[role=tree]')).includes('desk'));
    // One element of the tree is in the order of Tab.
    expect(await page.evaluate(`document.querySelectorAll('[role=tree] [tabindex="0"]').length`)).toBe(1);
    await page.evaluate(`document.querySelector('[role=tree] [tabindex="0"]').focus()`);
    await press(page, 'End');
    await press(page, 'Home');
    expect(await focused(page)).toMatch(/^thread 0/);
    expect(await page.evaluate(`document.querySelectorAll('[role=tree] [tabindex="0"]').length`)).toBe(1);
    await press(page, 'ArrowLeft');
    expect(await page.evaluate(`document.activeElement.getAttribute('aria-expanded')`)).toBe('false');
    await press(page, 'ArrowDown');
    expect(await focused(page)).toMatch(/^thread 1/);
    for (let step = 0; step < 20 && !(await focused(page)).startsWith('deskdesk'); step++) await press(page, 'ArrowDown');
    await press(page, 'ArrowRight');
    await until(async () => (await textOf(page, '[role=tree]')).includes('desk-stock'));
    await press(page, 'ArrowRight');
    expect(await focused(page)).toMatch(/^ordersdesk-orders/);
    await press(page, 'ArrowLeft');
    expect(await focused(page)).toMatch(/^deskdesk/);
    await press(page, 'ArrowRight');
    await press(page, 'ArrowDown');
    await press(page, 'Enter');
    await until(async () => (await page.evaluate('location.hash')) === '#agent/desk-payment');
    await until(async () => (await textOf(page, '#view-agent .facts')).includes('Parentdesk'));
    // By its id, from the field in the header.
    await page.evaluate(`document.querySelector('#search-id').focus()`);
    for (const letter of 'cart-3') await press(page, letter);
    await press(page, 'Enter');
    await until(async () => (await page.evaluate('location.hash')) === '#agent/cart-3');
    await page.evaluate(`document.querySelector('#search-id').select()`);
    for (const letter of 'cart-') await press(page, letter);
    await press(page, 'Enter');
    await until(async () => (await textOf(page, '#view-agents tbody th')) === Array.from({ length: 8 }, (_, index) => `cart-${index}`).join('|'));
  });

  test('ids, kinds, errors and states from outside stay text', async () => {
    let turn = 0;
    const own = await serve(withParts(nexus, { snapshot: async () => extreme(turn++) }));
    onTestFinished(async () => void (await own.stop({ deadlineMs: 0 })));
    for (const width of [1440, 360]) {
      const page = await open(own.url, '', { width });
      await until(() => textOf(page, '#received').then((text) => /^([3-9]|\d\d) updates/.test(text)));
      expect(
        await page.evaluate(`document.querySelectorAll('main img, main script, main i, main b:not(.legend b), main h1:not([id])').length + document.title`),
      ).toBe('0Overview · Nexus console');
      expect(await textOf(page, '.area-kinds tbody th')).toContain(HOSTILE[0]);
      expect(await textOf(page, '.area-dead-letters')).toContain('a <b>new</b> reason');
      // However many there are, there is an end to what the page holds.
      expect(await page.evaluate(`document.querySelectorAll('*').length`)).toBeLessThan(12_000);
      expect(await page.evaluate(`document.querySelectorAll('.flow-edge').length`)).toBe(20);
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      expect(page.problems).toEqual([]);
    }
    const page = await open(own.url, '#agents?kind=customer');
    await until(async () => (await textOf(page, '#view-agents tbody th')).split('|').length === HOSTILE.length);
    for (const id of HOSTILE) {
      await page.evaluate(`[...document.querySelectorAll('#view-agents tbody a')].find((link) => link.textContent === ${JSON.stringify(visible(id))}).click()`);
      await until(
        async () => (await textOf(page, '#view-agent .agent-id')) === visible(id) && (await textOf(page, '#view-agent .area-state')).includes('seen'),
      );
      expect(await page.evaluate(`document.querySelectorAll('main img, main script').length`)).toBe(0);
      await page.evaluate('history.back()');
      await until(async () => (await page.evaluate('location.hash')) === '#agents?kind=customer');
      await until(async () => (await textOf(page, '#view-agents [role=status]')).includes('11 agents'));
    }
    expect(page.problems).toEqual([]);
  });

  test('an empty system is shown as one, not as a fault', async () => {
    const own = await serve(withParts(nexus, { snapshot: async () => ({ ...EMPTY, takenAtMs: Date.now() }) }));
    onTestFinished(async () => void (await own.stop({ deadlineMs: 0 })));
    const page = await open(own.url);
    await drawn(page);
    await until(async () => (await textOf(page, '.area-kinds .empty')) === 'No agent lives here yet.');
    expect(await textOf(page, 'main')).not.toMatch(/NaN|undefined|Infinity|null/);
    expect([await textOf(page, '.area-flows .empty'), await faults(page), page.problems]).toEqual([
      'No messages between kinds yet.|No messages between kinds yet.',
      [],
      [],
    ]);
  });

  test('says that it is disconnected and since when, comes back by itself, and knows what it missed', async () => {
    const down = await door(gateway);
    const page = await open(down.url);
    await drawn(page);
    down.close();
    await until(async () => (await textOf(page, '#connection-text')) === 'disconnected');
    expect(await textOf(page, '#banner')).toMatch(/^Disconnected, last update \d\d:\d\d:\d\d, \d+ s ago\. Trying again/);
    expect(await textOf(page, '#announcement')).toBe('Disconnected: the values are old');
    expect(await textOf(page, '.area-kinds tbody th')).toContain('cart');
    down.open();
    await until(async () => (await textOf(page, '#connection-text')) === 'live', 30_000);
    expect([await textOf(page, '#announcement'), await page.evaluate(`document.querySelector('#banner').hidden`)]).toEqual([
      'Connected, values are live',
      true,
    ]);
    const before = await page.evaluate('document.documentElement.dataset.drawn');
    await until(async () => (await page.evaluate('document.documentElement.dataset.drawn')) !== before);
    expect(await textOf(page, '#received')).not.toContain('missed');
  });

  test('updates can be paused, and the values stay while they are', async () => {
    const page = await open(gateway.url);
    await drawn(page);
    await click(page, 'Pause updates');
    expect([await textOf(page, '#connection-text'), await textOf(page, '#banner')]).toEqual([
      'paused',
      expect.stringMatching(/^Updates are paused: last update/),
    ]);
    const before = await page.evaluate('document.documentElement.dataset.drawn');
    const received = await textOf(page, '#received');
    await until(async () => (await textOf(page, '#received')) !== received);
    expect(await page.evaluate('document.documentElement.dataset.drawn')).toBe(before);
    await click(page, 'Pause updates');
    await until(async () => (await page.evaluate('document.documentElement.dataset.drawn')) !== before);
  });

  test('an agent is paused, resumed and stopped with the token, after a question; without it nothing happens', async () => {
    await spawn('customer', 'to-be-stopped');
    const page = await open(gateway.url, '#agent/to-be-stopped');
    const status = () => textOf(page, '#view-agent .view-head .status');
    const answer = (token: string) =>
      page.evaluate(
        `(() => { const field = document.querySelector('#token'); if (${JSON.stringify(token)} !== '') field.value = ${JSON.stringify(token)}; document.querySelector('dialog form').requestSubmit(); })()`,
      );
    await until(async () => (await status()) === 'ready');
    // By the keyboard: the focus is on the button, and must not be lost with it.
    const focusOn = (label: string) => page.evaluate(`[...document.querySelectorAll('button')].find((button) => button.textContent === '${label}').focus()`);
    await focusOn('Pause …');
    await click(page, 'Pause …');
    expect(await focused(page)).toBe('token');
    await answer('');
    expect(await textOf(page, 'dialog .fault')).toBe('The token is needed.');
    await answer('not-the-token-at-all');
    await until(async () => (await textOf(page, 'dialog .fault')).includes('not the token'));
    expect((await nexus.inspect('to-be-stopped')).status).toBe('ready');
    await answer(TOKEN);
    await until(async () => (await status()) === 'paused');
    expect((await nexus.inspect('to-be-stopped')).status).toBe('paused');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Resume …');
    // It is remembered by this page, and by nothing that outlives it.
    await click(page, 'Resume …');
    expect(await page.evaluate(`document.querySelector('.token-field').hidden`)).toBe(true);
    await answer('');
    await until(async () => (await status()) === 'ready');
    await click(page, 'Stop …');
    await press(page, 'Escape');
    expect(nexus.find('to-be-stopped')).toBeDefined();
    await focusOn('Stop …');
    // The page looks again before it has the answer: the agent is gone while the dialog is there.
    await page.evaluate(`{ const ask = fetch; globalThis.fetch = async (url, init) => {
      const answer = await ask(url, init);
      while (init?.method === 'POST' && document.querySelector('#view-agent .status').textContent !== 'absent') await new Promise((resolve) => setTimeout(resolve, 10));
      return answer;
    }; } true`);
    await click(page, 'Stop …');
    await answer('');
    await until(async () => (await status()) === 'absent');
    await until(async () => (await focused(page)) === 'agent-title');
    expect(await textOf(page, '#view-agent .view-head [role=status]')).toContain('below is what it was');
    expect(nexus.find('to-be-stopped')).toBeUndefined();
    expect(await page.evaluate(`JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href])`)).not.toContain(TOKEN);
  });

  test('a console without a token shows no actions', async () => {
    const own = await serve(nexus);
    onTestFinished(async () => void (await own.stop({ deadlineMs: 0 })));
    const page = await open(own.url, '#agent/cart-1');
    await until(async () => (await textOf(page, '#view-agent .area-state')).includes('Frau'));
    expect(await page.evaluate(`[...document.querySelectorAll('.actions button')].filter((one) => one.offsetParent !== null).length`)).toBe(0);
    expect(await textOf(page, '.actions')).toContain('Read-only');
  });
});

/** A way to a gateway that can be closed and opened again. */
async function door(gateway: Gateway): Promise<{ readonly url: string; open(): void; close(): void }> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server: Server = createServer((client) => {
    if (!isOpen) return void client.destroy();
    const target = connect(gateway.port, '127.0.0.1');
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    close();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close,
    open: () => {
      isOpen = true;
    },
  };
}
