/** The example of `docs/shapes.md` does what the page says, in a project of its own that has the package installed; also where code generation is forbidden. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

const MAIN = `
import { createNexus } from 'nexus-agents';
import { Orders } from './orders.js';
const nexus = await createNexus({ agents: [new URL('./orders.js', import.meta.url)], threads: 1 });
for (const thread of [0, 1]) {
  const ref = await nexus.spawn(Orders, { thread });
  const order = { id: 1, customer: 'a', items: [{ sku: 'x', count: 2 }], status: 'open' };
  console.log(await ref.ask('put', order), JSON.stringify(await ref.ask('find', 1)), await ref.ask('find', 2), (await ref.ask('all')).length);
  try {
    STATEMENT
  } catch (error) {
    console.log(error.name, error.code, error.message);
  }
}
await nexus.stop();
`;

test.each([[[]], [['--disallow-code-generation-from-strings']]])('the example of the page on declared messages does what the page says, with %j', (flags) => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-shapes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const page = readFileSync(join(root, 'docs/shapes.md'), 'utf8');
  const [module] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) => text as string);
  const [, statement, name, code, message] = /```\n(ref\.tell.*)\n\/\/ (\w+) (\w+): (.*)\n```/.exec(page) as RegExpExecArray;
  writeFileSync(join(folder, 'orders.js'), module as string);
  writeFileSync(join(folder, 'main.js'), MAIN.replace('STATEMENT', statement as string));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/nexus-agents'));
  const output = execFileSync(process.execPath, [...flags, 'main.js'], { cwd: folder, encoding: 'utf8', timeout: 30_000 });
  const order = '{"id":1,"customer":"a","items":[{"sku":"x","count":2}],"status":"open"}';
  const expected = `1 ${order} null 1\n${name === 'NexusTypeError' ? 'TypeError' : name} ${code} ${message}\n`;
  expect(output).toBe(expected.repeat(2));
});
