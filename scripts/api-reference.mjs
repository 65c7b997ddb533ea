#!/usr/bin/env node
/**
 * Writes docs/api: a page for each entry of the package, made of the declarations in dist/ and their docstrings, so that it cannot drift from the code.
 * `node scripts/api-reference.mjs` writes, `--check` compares with what is there and exits with 1 where it differs or a docstring is missing. It needs a build.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript-api';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'docs/api');

const INTRODUCTIONS = {
  'nexus-agents': 'What agents and those who start them import.',
  'nexus-agents/gateway': 'Agents over HTTP, and metrics for Prometheus: [HTTP gateway](../gateway.md), [metrics](../metrics.md).',
  'nexus-agents/resilience': 'Policies around calls that may fail: [resilience](../resilience.md).',
  'nexus-agents/sensors': 'Agents that emit what they find: [sensors](../signals.md#sensors).',
  'nexus-agents/telemetry': 'Traces and logs of what agents do.',
  'nexus-agents/testing': 'Tests without sleeping: [testing](../testing.md).',
};

const SECTIONS = ['Functions', 'Classes', 'Constants', 'Interfaces', 'Types'];

const entries = readEntries();
const program = ts.createProgram(
  entries.map(({ declarations }) => declarations),
  { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true, skipLibCheck: true },
);
const checker = program.getTypeChecker();
for (const entry of entries) entry.items = itemsOf(entry);

/** Where the declaration that an export stands for is described: the first entry that exports it. @type {Map<ts.Declaration, { page: string, slug: string }>} */
const places = new Map();
for (const entry of entries) placeItems(entry);

const missing = entries.flatMap(({ name, items }) => items.flatMap((item) => (item.text === '' && !item.isElsewhere ? [`${name}: ${item.name}`] : [])));
const pages = new Map(entries.map((entry) => [entry.page, pageOf(entry)]));
pages.set('README.md', indexPage());

const present = existsSync(folder) ? readdirSync(folder) : [];
if (process.argv.includes('--check')) {
  const different = [...new Set([...present, ...pages.keys()])].filter(
    (page) => !present.includes(page) || readFileSync(join(folder, page), 'utf8') !== pages.get(page),
  );
  for (const page of different) console.error(`docs/api/${page} is not what the declarations say: npm run docs:api`);
  if (different.length > 0) process.exitCode = 1;
} else {
  mkdirSync(folder, { recursive: true });
  for (const page of present) if (!pages.has(page)) rmSync(join(folder, page));
  for (const [page, text] of pages) writeFileSync(join(folder, page), text);
}
for (const name of missing) console.error(`no docstring: ${name}`);
if (missing.length > 0) process.exitCode = 1;

/** The entries that package.json exports and that are built, the main one first. */
function readEntries() {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string') return [];
    const declarations = join(root, target.types);
    if (!existsSync(declarations)) {
      console.error(`${path} is not built: no page`);
      return [];
    }
    const entry = path === '.' ? name : `${name}${path.slice(1)}`;
    return [{ name: entry, page: `${entry.replaceAll('/', '-')}.md`, declarations, items: [] }];
  });
}

function itemsOf({ declarations }) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(declarations));
  return checker
    .getExportsOfModule(module)
    .map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      return { name: exported.name, symbol, declaration: symbol.declarations[0], section: sectionOf(symbol), ...docsOf(symbol), isElsewhere: false, slug: '' };
    })
    .sort((a, b) => SECTIONS.indexOf(a.section) - SECTIONS.indexOf(b.section) || compareNames(a.name, b.name));
}

/** The same on every machine, unlike a locale: by letters, then capitals first. */
function compareNames(a, b) {
  const [first, second] = [a.toLowerCase(), b.toLowerCase()];
  if (first !== second) return first < second ? -1 : 1;
  return a < b ? -1 : 1;
}

function sectionOf(symbol) {
  const declaration = symbol.declarations[0];
  if (ts.isClassDeclaration(declaration)) return 'Classes';
  if (ts.isInterfaceDeclaration(declaration)) return 'Interfaces';
  if (ts.isTypeAliasDeclaration(declaration)) return 'Types';
  if (ts.isFunctionDeclaration(declaration)) return 'Functions';
  return checker.getTypeOfSymbolAtLocation(symbol, declaration).getCallSignatures().length > 0 ? 'Functions' : 'Constants';
}

function docsOf(symbol) {
  const tags = symbol.getJsDocTags(checker).map((tag) => ({ name: tag.name, text: ts.displayPartsToString(tag.text) }));
  return { text: ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(), tags };
}

function placeItems(entry) {
  const seen = new Map();
  const slugFor = (heading) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  };
  slugFor(entry.name);
  for (const section of SECTIONS) {
    const items = entry.items.filter((item) => item.section === section);
    if (items.length > 0) slugFor(section);
    for (const item of items) {
      item.slug = slugFor(item.name);
      item.isElsewhere = places.has(item.declaration);
      if (!item.isElsewhere) places.set(item.declaration, { page: entry.page, slug: item.slug });
    }
  }
}

function pageOf(entry) {
  const lines = [`# ${entry.name}`, '', `<!-- Written by scripts/api-reference.mjs from the docstrings: change those, then npm run docs:api. -->`, ''];
  lines.push(
    `${INTRODUCTIONS[entry.name] ?? ''} All entries: [API](README.md). An overview by topic, with defaults and limits: [reference](../reference.md).`.trim(),
    '',
  );
  const names = new Map(entries.flatMap(({ items }) => items.map((item) => [item.name, item])));
  for (const item of entry.items) names.set(item.name, item);
  for (const section of SECTIONS) {
    const items = entry.items.filter((item) => item.section === section);
    if (items.length > 0) lines.push(`**${section}**: ${items.map(({ name, slug }) => `[\`${name}\`](#${slug})`).join(' · ')}`, '');
  }
  for (const section of SECTIONS) {
    const items = entry.items.filter((item) => item.section === section);
    if (items.length > 0) lines.push(`## ${section}`, '');
    for (const item of items) lines.push(...describe(item, entry, names));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function describe(item, entry, names) {
  const lines = [`### \`${item.name}\``, ''];
  if (item.isElsewhere) return [...lines, `The same as ${linkTo(item, entry)} of another entry.`, ''];
  const { declaration } = item;
  const hasMembers = ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration);
  const code = hasMembers ? headOf(declaration) : signatureOf(item);
  lines.push('```ts', code, '```', '');
  lines.push(...prose(item.text), ...tagLines(item.tags));
  const members = hasMembers ? membersOf(declaration) : [];
  for (const member of members) lines.push(...memberLines(member));
  if (members.length > 0) lines.push('');
  const own = typeParametersOf(declaration);
  const mentioned = [
    ...new Set([code, ...members.flatMap(({ code: text, parts }) => [text, ...parts.map((part) => part.code)])].join(' ').match(/\b[A-Z]\w+\b/g) ?? []),
  ]
    .filter((name) => name !== item.name && !own.has(name) && names.has(name))
    .sort(compareNames);
  if (mentioned.length > 0) lines.push(`See ${mentioned.map((name) => linkTo(names.get(name), entry)).join(', ')}.`, '');
  return lines;
}

function linkTo(item, entry) {
  const { page, slug } = places.get(item.declaration);
  return `[\`${item.name}\`](${page === entry.page ? '' : page}#${slug})`;
}

function typeParametersOf(declaration) {
  return new Set((declaration.typeParameters ?? []).map(({ name }) => name.text));
}

function headOf(declaration) {
  const word = ts.isClassDeclaration(declaration) ? 'class' : 'interface';
  const parameters = declaration.typeParameters?.length > 0 ? `<${declaration.typeParameters.map((parameter) => parameter.getText()).join(', ')}>` : '';
  const clauses = (declaration.heritageClauses ?? []).map((clause) => ` ${clause.getText()}`).join('');
  return `${word} ${declaration.name.text}${parameters}${clauses}`;
}

/** As declared, with all overloads. What is a constant of a type that no entry exports is followed by that type. */
function signatureOf({ symbol, section }) {
  const parts = symbol.declarations.map((declaration) => {
    if (!ts.isVariableDeclaration(declaration)) return declaration.getText();
    const text = `const ${declaration.getText()};`;
    const type = declaration.type;
    if (section !== 'Functions' || type === undefined || !ts.isTypeReferenceNode(type)) return text;
    const alias = checker.getSymbolAtLocation(type.typeName);
    const target = alias && alias.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(alias) : alias;
    const declared = target?.declarations?.[0];
    return declared === undefined || places.has(declared) ? text : `${text}\n${declared.getText()}`;
  });
  return parts.map((part) => shortened(wrapped(tidy(part)), section)).join('\n');
}

/** A table of names shows how it looks; its page has all of it. */
function shortened(text, section) {
  const lines = text.split('\n');
  if (section !== 'Constants' || lines.length <= 12) return text;
  return [...lines.slice(0, 4), `  // and ${lines.length - 5} more`, lines.at(-1)].join('\n');
}

/** A line that is too long is broken at the outermost parameters. */
function wrapped(text) {
  return text
    .split('\n')
    .map((line) => (line.length > 140 ? brokenLine(line) : line))
    .join('\n');
}

function brokenLine(line) {
  let depth = 0;
  let broken = '';
  for (let index = 0; index < line.length; index++) {
    const character = line[index];
    const isArrow = character === '>' && line[index - 1] === '=';
    if (/[)\]}>]/.test(character) && !isArrow && --depth === 0 && /[)>]/.test(character)) broken += '\n';
    broken += character;
    if (/[([{<]/.test(character) && depth++ === 0 && /[(<]/.test(character)) broken += '\n  ';
    if (character === ',' && depth === 1) broken += `\n${line[index + 1] === ' ' ? ' ' : '  '}`;
  }
  return broken;
}

/** Two spaces instead of four, and no words that only a declaration file needs. */
function tidy(text) {
  return text.replace(/^(?:export )?(?:declare )?/gm, '').replace(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2));
}

/** Public members with what they say of themselves; what stands for types only (`__types`) is none. */
function membersOf(declaration) {
  return declaration.members.flatMap((member) => {
    const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
    if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)) return [];
    if (member.name !== undefined && (ts.isPrivateIdentifier(member.name) || /^(__|#)/.test(member.name.getText()))) return [];
    const symbol = member.name === undefined ? undefined : checker.getSymbolAtLocation(member.name);
    const own = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc).at(-1);
    const documented = symbol === undefined ? { text: '', tags: [] } : docsOf(symbol);
    const text = symbol === undefined && own !== undefined ? ts.getTextOfJSDocComment(own.comment) : documented.text;
    const parts = member.type !== undefined && ts.isTypeLiteralNode(member.type) && ts.isPropertySignature(member) ? membersOf(member.type) : [];
    if (parts.some((part) => part.text !== '')) return [{ code: `${member.name.getText()}: object with`, text: text ?? '', tags: documented.tags, parts }];
    const code = tidy(member.getText().replace(/;$/, ''))
      .replace(/^readonly /, '')
      .replace(/\/\*\*[\s\S]*?\*\//g, '')
      .replace(/\s*\n\s*/g, ' ');
    return [{ code, text: text ?? '', tags: documented.tags, parts: [] }];
  });
}

function memberLines({ code, text, tags, parts }) {
  const said = [...prose(text), ...tagLines(tags)].filter((line) => line !== '');
  return [
    `- \`${code}\`${said.length > 0 ? '  ' : ''}`,
    ...said.map((line, index) => `  ${line}${index < said.length - 1 ? '  ' : ''}`),
    ...parts.flatMap(memberLines).map((line) => `  ${line}`),
  ];
}

function tagLines(tags) {
  const lines = tags.flatMap(({ name, text }) => {
    const said = inline(text.replace(/\s*\n\s*/g, ' ').trim());
    if (said === '') return [];
    if (name === 'param') {
      const [, parameter, rest] = /^(\S+)\s*-?\s*(.*)$/s.exec(said) ?? [];
      return rest ? [`\`${parameter}\`: ${rest}`] : [];
    }
    if (name === 'throws') return [`Throws ${said}`];
    if (name === 'returns' || name === 'return') return [`Returns ${said}`];
    return [`${name}: ${said}`];
  });
  return lines.flatMap((line) => [line, '']);
}

function prose(text) {
  return text === '' ? [] : [inline(text.replace(/\s*\n\s*(?!\n)/g, ' ')), ''];
}

/** Outside of code: what would be HTML is not, codes lead to their page, and so do pages. */
function inline(text) {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => {
      if (/^`docs\/[\w-]+\.md`$/.test(part)) return `[${part.slice(6, -4)}](../${part.slice(6, -1)})`;
      if (part.startsWith('`')) return part;
      return part.replace(/</g, '&lt;').replace(/\b(NEXUS|GATEWAY)_[A-Z_]+\b/g, (code) => `[\`${code}\`](../errors.md)`);
    })
    .join('');
}

function indexPage() {
  const lines = ['# API', '', '<!-- Written by scripts/api-reference.mjs. -->', ''];
  lines.push(
    'What each entry of the package exports, from the docstrings in the source. By topic, with defaults and limits: [reference](../reference.md).',
    '',
  );
  for (const { name, page, items } of entries) {
    const functions = items.filter(({ section }) => section === 'Functions' || section === 'Classes');
    lines.push(`## [${name}](${page})`, '', INTRODUCTIONS[name] ?? '', '', functions.map((item) => `[\`${item.name}\`](${page}#${item.slug})`).join(' · '), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
