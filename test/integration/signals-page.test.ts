/** The example of `docs/signals.md` prints what the page says, in a project of its own that has the package installed; its limits are those of the code. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { filesOf, projectOf, readPage } from '../documented-code.js';

const page = readPage('docs/signals.md');

test('the example of the page on signals prints what the page says', () => {
  const files = filesOf(page);
  expect([...files.keys()]).toEqual(['shop.js', 'main.js']);
  const folder = projectOf(files);
  const said = /```\n(orders[\s\S]*?)```/.exec(page)?.[1];
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 })).toBe(said);
});

test('the sensors of the page are definitions', () => {
  const text = /```js\n(import \{ connect \}[\s\S]*?)```/.exec(page)?.[1] as string;
  const folder = projectOf(new Map([['main.js', `${text}\nconsole.log(Queue.kind, Feed.kind);\n`]]));
  expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', timeout: 30_000 })).toBe('queue-sensor feed\n');
});

test('the limits on the page are those of the code', async () => {
  const topic = (await import('../../dist/ts-src/model/topic.js')) as typeof import('../../dist/ts-src/model/topic.js');
  const { SENSOR_PERIOD_MS_MAX } = (await import('../../dist/ts-src/model/define-sensor.js')) as typeof import('../../dist/ts-src/model/define-sensor.js');
  const figure = (value: number): string => value.toLocaleString('en-US');
  for (const sentence of [
    `At most ${topic.TOPIC_CHARACTERS_MAX} characters and ${topic.TOPIC_TOKENS_MAX} tokens`,
    `of a definition, at most ${figure(topic.SUBSCRIPTIONS_MAX)}`,
    `at most ${figure(topic.SUBSCRIPTIONS_MAX)} of one agent`,
    `1 to ${figure(SENSOR_PERIOD_MS_MAX)}`,
  ])
    expect(page).toContain(sentence);
});
