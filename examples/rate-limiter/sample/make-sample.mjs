/**
 * Writes `access.log` next to it: half an hour of a small, made-up site, the same in every run. Visitors read pages, one crawls too fast, one guesses passwords, one
 * looks for weaknesses. All addresses are from the ranges reserved for documentation. Run it with: node examples/rate-limiter/sample/make-sample.mjs
 */
import { writeFileSync } from 'node:fs';
import { formatLogLine } from '../access-log-format.mjs';
import { seededRandom } from '../seeded-random.mjs';

const START_MS = Date.UTC(2026, 2, 14, 9, 0, 0);
const PERIOD_MS = 30 * 60_000;
const PAGES = ['/', '/articles/rings', '/articles/supervision', '/pricing', '/about', '/search?q=%22actor+model%22', '/feed.xml'];
const ASSETS = ['/style.css', '/app.js', '/logo.svg', '/fonts/text.woff2'];
const PROBES = ['/.env', '/wp-login.php', '/admin.php', '/.git/config', '/phpmyadmin/', '/backup.zip', '/cgi-bin/test', '/server-status'];
const BROWSERS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Mozilla/5.0 (compatible; "quoted" reader/1.0; \\backslash)',
];

const random = seededRandom(20_260_314);
const whole = (/** @type {number} */ below) => Math.floor(random() * below);
/** @type {<T>(list: T[]) => T} */
const pick = (list) => /** @type {any} */ (list[whole(list.length)]);
/** @type {Omit<import('../access-log.mjs').LogEntry, 'method' | 'path'>[]} */
const entries = [];

/**
 * @param {number} atMs
 * @param {string} host
 * @param {string | undefined} request
 * @param {number} status
 * @param {number | undefined} bytes
 * @param {string | undefined} userAgent
 * @param {{ user?: string, referer?: string }} [more]
 */
function add(atMs, host, request, status, bytes, userAgent, more = {}) {
  entries.push({
    host,
    identity: undefined,
    user: undefined,
    atMs: Math.floor(atMs / 1000) * 1000,
    request,
    status,
    bytes,
    referer: undefined,
    userAgent,
    ...more,
  });
}

/**
 * @param {string} host
 * @param {number} startMs
 * @param {string | undefined} userAgent
 */
function visit(host, startMs, userAgent) {
  let atMs = startMs;
  for (let page = 1 + whole(4); page > 0; page--) {
    const path = pick(PAGES);
    add(atMs, host, `GET ${path} HTTP/1.1`, random() < 0.03 ? 404 : 200, 2000 + whole(30_000), userAgent, { referer: 'https://www.example.com/' });
    for (let asset = whole(4); asset > 0; asset--) {
      add(atMs + 200, host, `GET ${pick(ASSETS)} HTTP/1.1`, random() < 0.5 ? 304 : 200, random() < 0.5 ? undefined : 900 + whole(9000), userAgent, {
        referer: `https://www.example.com${path}`,
      });
    }
    atMs += 4000 + random() * 40_000;
  }
}

for (let visitor = 0; visitor < 60; visitor++) {
  const kind = visitor % 4;
  const host =
    kind === 0
      ? `192.0.2.${visitor + 1}`
      : kind === 1
        ? `198.51.100.${visitor + 1}`
        : kind === 2
          ? `203.0.113.${visitor + 1}`
          : `2001:db8::${(visitor * 257).toString(16)}`;
  for (let visits = 1 + whole(2); visits > 0; visits--) visit(host, START_MS + random() * (PERIOD_MS - 180_000), pick(BROWSERS));
}
// Signed in, with a name that has a space.
visit('192.0.2.10', START_MS + 60_000, BROWSERS[0]);
add(START_MS + 90_000, '192.0.2.10', 'POST /account HTTP/1.1', 200, 512, BROWSERS[0], { user: 'Ada Example' });
// Crawls thirty pages a second.
for (let request = 0; request < 240; request++) {
  add(START_MS + 300_000 + request * 33, '203.0.113.200', `GET /articles/${request} HTTP/1.1`, 200, 8000, 'ExampleCrawler/2.0 (+https://www.example.org/bot)');
}
// Guesses passwords.
for (let request = 0; request < 90; request++) {
  add(START_MS + 600_000 + request * 400, '198.51.100.77', 'POST /login HTTP/1.1', 401, 199, 'python-requests/2.31.0');
}
// Looks for weaknesses.
for (let request = 0; request < 120; request++) {
  add(START_MS + 900_000 + request * 250, '2001:db8:dead::1', `GET ${pick(PROBES)} HTTP/1.1`, pick([403, 404, 404, 404]), 153, '-');
}
// Asks so seldom that nothing ever happens to it.
for (let request = 0; request < 30; request++) add(START_MS + request * 60_000, '192.0.2.250', 'GET /health HTTP/1.1', 200, 2, 'monitor/1.0');
// Sent nothing before the time was over.
add(START_MS + 420_000, '203.0.113.9', undefined, 408, undefined, undefined);

entries.sort((a, b) => a.atMs - b.atMs);
const lines = entries.map((entry, index) =>
  // Two servers write this log: one of them in the common format, in its own time zone.
  index % 9 === 0 ? formatLogLine(entry, { format: 'common', zoneMinutes: 60 }) : formatLogLine(entry, { format: 'combined' }),
);
const damaged = [
  'this line is not from a web server',
  '192.0.2.1 - - [31/Feb/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-"',
  '192.0.2.1 - - [14/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1 200 12',
  '198.51.100.3 - - [14/Mar/2026:09:10:11 +0000] "GET /cut-off',
];
for (const [index, line] of damaged.entries()) lines.splice(11 + index * 137, 0, line);
writeFileSync(new URL('./access.log', import.meta.url), `${lines.join('\n')}\n`);
console.log(`${lines.length} lines, ${damaged.length} of them malformed`);
