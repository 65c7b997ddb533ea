/**
 * The files of the page, read once. Those the page refers to are below the hash of them all, so that a browser may keep them for ever and never mixes two builds;
 * the page itself is asked for again each time, and answered with "not modified" if it is.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  map: 'application/json; charset=utf-8',
  svg: 'image/svg+xml',
};
const PAGE = 'index.html';

export interface PageFile {
  readonly body: string;
  readonly contentType: string;
}

export interface PageAssets {
  /** Hash of all files. */
  readonly build: string;
  readonly page: PageFile;
  /** Strong, with its quotes. */
  readonly pageTag: string;
  readonly files: ReadonlyMap<string, PageFile>;
}

let loaded: Promise<PageAssets> | undefined;

export function loadPageAssets(): Promise<PageAssets> {
  loaded ??= readAssets(new URL('page/', import.meta.url));
  return loaded;
}

async function readAssets(folder: URL): Promise<PageAssets> {
  const names = (await readdir(folder)).filter((name) => extensionOf(name) in TYPES).sort();
  const files = new Map<string, PageFile>();
  const hash = createHash('sha256');
  for (const name of names) {
    const body = await readFile(new URL(name, folder), 'utf8');
    hash.update(`${name}\0${body}\0`);
    files.set(name, { body, contentType: TYPES[extensionOf(name)] as string });
  }
  const build = hash.digest('base64url').slice(0, 16);
  // The modules at once, not one after the other as each is found in the one before.
  const preloads = names.filter((name) => name.endsWith('.js')).map((name) => `<link rel="modulepreload" href="console/assets/${build}/${name}">`);
  const template = await readFile(new URL(PAGE, folder), 'utf8');
  const body = template.replaceAll('{{build}}', build).replace('<!-- preloads -->', preloads.join('\n    '));
  const pageTag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { build, page: { body, contentType: 'text/html; charset=utf-8' }, pageTag, files };
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
