/** The page of the chat in a browser: two people talk, and what they write stays text. */
import { writeFileSync } from 'node:fs';
import { createNexus } from 'nexus-agents';
import { expect, onTestFinished, test } from 'vitest';
import { CHAT_AGENTS, startChat } from '../../examples/chat/server.mjs';
import { until } from '../until.js';
import { chromium, type Page, startChromium } from './chromium.js';

const title = 'two pages in a browser talk, see each other come and go, and show what others write as text';

test.skipIf(chromium === undefined)(chromium === undefined ? `${title} (skipped: there is no Chromium here)` : title, { timeout: 120_000 }, async () => {
  const nexus = await createNexus({ agents: CHAT_AGENTS, threads: 1 });
  const chat = await startChat(nexus);
  const browser = await startChromium(chromium as string);
  onTestFinished(async () => {
    await browser.close();
    await chat.close();
    await nexus.stop({ deadlineMs: 2000 });
  });
  const textOf = (page: Page, selector: string): Promise<string> =>
    page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.textContent).join('|')`) as Promise<string>;
  const submit = (page: Page, form: string, fields: Readonly<Record<string, string>>): Promise<unknown> =>
    page.evaluate(
      `for (const [name, value] of Object.entries(${JSON.stringify(fields)})) { const field = document.querySelector('#${form} [name=' + name + ']'); field.value = value; field.dispatchEvent(new Event('input', { bubbles: true })); }
       document.querySelector('#${form}').requestSubmit()`,
    );
  const enter = async (nick: string): Promise<Page> => {
    const page = await browser.open(chat.url);
    await until(async () => (await textOf(page, '#status')) === 'connected');
    await submit(page, 'join', { room: 'lobby', nick });
    await until(async () => (await textOf(page, '#status')).startsWith('You are in lobby'));
    return page;
  };

  const ann = await enter('Ann');
  const bob = await enter('<b>Bob</b>');
  await until(async () => (await textOf(ann, '#members li')) === '<b>Bob</b>|Ann');
  await submit(ann, 'say', { text: 'Hello, is anybody here?' });
  await until(async () => (await textOf(bob, '#messages .message')).endsWith('Ann Hello, is anybody here?'));
  await submit(bob, 'say', { text: '<img src=x onerror="document.title=1"> & me' });
  for (const page of [ann, bob]) {
    await until(async () => (await textOf(page, '#messages .message')).endsWith('<b>Bob</b> <img src=x onerror="document.title=1"> & me'));
    expect(await page.evaluate(`document.querySelectorAll('#messages img, #members b').length + document.title`)).toBe('0Chat');
    expect(((await textOf(page, '#messages .message')) as string).split('|')).toHaveLength(2);
  }
  const picture = process.env['CHAT_PICTURE'];
  if (picture !== undefined) writeFileSync(picture, await ann.screenshot());
  await bob.evaluate(`document.querySelector('#leave').click()`);
  await until(async () => (await textOf(ann, '#members li')) === 'Ann');
  expect(await textOf(ann, '#messages .notice')).toBe('<b>Bob</b> has joined|<b>Bob</b> has left');
});
