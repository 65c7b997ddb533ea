/** The example of `docs/shapes.md` does what the page says, in a project of its own that has the package installed; also where code generation is forbidden. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { blocksOf, projectOf, readPage } from '../documented-code.js';

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
  const page = readPage('docs/shapes.md');
  const module = blocksOf(page).find(({ language }) => language === 'js')?.text ?? '';
  const [, statement, name, code, message] = /```\n(ref\.tell.*)\n\/\/ (\w+) (\w+): (.*)\n```/.exec(page) as RegExpExecArray;
  const folder = projectOf(
    new Map([
      ['orders.js', module],
      ['main.js', MAIN.replace('STATEMENT', statement as string)],
    ]),
  );
  const output = execFileSync(process.execPath, [...flags, 'main.js'], { cwd: folder, encoding: 'utf8', timeout: 30_000 });
  const order = '{"id":1,"customer":"a","items":[{"sku":"x","count":2}],"status":"open"}';
  const expected = `1 ${order} null 1\n${name === 'NexusTypeError' ? 'TypeError' : name} ${code} ${message}\n`;
  expect(output).toBe(expected.repeat(2));
});
