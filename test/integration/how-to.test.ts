/** The pages of docs/how-to with commands are followed as they stand; those that embed a nexus in another framework have a test of their own. */
import { expect, test } from 'vitest';
import { blocksOf, followPage, readPage } from '../documented-code.js';

test.each(['shut-down', 'slow-agent', 'test', 'worker-threads'])('the page %s does what it says', async (name) => {
  const page = readPage(`docs/how-to/${name}.md`);
  expect(blocksOf(page).filter(({ language }) => language === 'console')).not.toEqual([]);
  await followPage(page);
});
