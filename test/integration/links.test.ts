/** Every link in the Markdown files that leads to a file of the project, or to a heading of one, leads there. Addresses of other sites are not asked. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
const pages = tracked.filter((file) => file.endsWith('.md') && existsSync(join(root, file)));

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '');

/** The anchors that GitHub makes of the headings: lower case, punctuation left out, spaces as hyphens, and a number for one that was there before. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} (.*)$/gm)) {
    const shown = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\-_ ]/gu, '')
      .replaceAll(' ', '-');
    let anchor = shown;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${shown}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function brokenLinksOf(page: string, text: string, read: (file: string) => string | undefined): string[] {
  const targets = [
    ...withoutCode(text)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map((match) => match[1] as string);
  return targets.flatMap((target) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
    const found = read(file);
    if (found === undefined) return [`${page}: ${target}: there is no such file`];
    if (anchor === undefined || !file.endsWith('.md')) return [];
    return anchorsOf(found).has(anchor) ? [] : [`${page}: ${target}: there is no such heading`];
  });
}

/** A folder is as good as a file, but has no headings. */
function readTracked(file: string): string | undefined {
  const path = join(root, file);
  if (file.startsWith('..') || !existsSync(path)) return undefined;
  return statSync(path).isDirectory() ? '' : readFileSync(path, 'utf8');
}

test('every relative link in the Markdown files leads to a file that is there, and to a heading it has', () => {
  expect(pages.length).toBeGreaterThan(30);
  expect(pages.flatMap((page) => brokenLinksOf(page, readFileSync(join(root, page), 'utf8'), readTracked))).toEqual([]);
});

test('a link to a file or heading that is not there is found', () => {
  const text =
    '[a](a.md#one-two-three) [b](a.md#one-1) [c](b.md) [d](a.md#no-heading) [e](#where) [f](#there) `[g](g.md)`\n# There\n[h](https://example.com/x#y)';
  const files: Readonly<Record<string, string>> = { 'docs/page.md': text, 'docs/a.md': '# One `two`, three\n\n```\n# no heading\n```\n\n## One\n\n## One' };
  expect(brokenLinksOf('docs/page.md', text, (file) => files[file])).toEqual([
    'docs/page.md: b.md: there is no such file',
    'docs/page.md: a.md#no-heading: there is no such heading',
    'docs/page.md: #where: there is no such heading',
  ]);
});

test('every page of the documentation is listed in docs/README.md', () => {
  const index = readFileSync(join(root, 'docs/README.md'), 'utf8');
  const listed = pages.filter((page) => /^docs\/(?!api\/|decisions\/|README)/.test(page)).filter((page) => !index.includes(`](${page.slice('docs/'.length)})`));
  expect(listed).toEqual([]);
});
