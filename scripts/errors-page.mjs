/**
 * Makes docs/errors.md of the catalogue of errors, as it is built in dist/. `--check` only compares, and says what is missing. `--adopt` takes rows that were written
 * into docs/errors.md by hand (`| code | what happened | what to do |`) and prints the entries for ts-src/error-catalogue/ that say the same.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CATALOGUE, MEANINGS } from '../dist/ts-src/error-catalogue/catalogue.js';

const page = new URL('../docs/errors.md', import.meta.url);
const [mode] = process.argv.slice(2);
const documented = new Set(CATALOGUE.flatMap(({ entries }) => entries.map(({ code }) => code)));

if (mode === '--adopt') adopt();
else {
  const missing = Object.keys(MEANINGS).filter((code) => !documented.has(code));
  for (const code of missing) console.error(`${code} has no entry. Add to ts-src/error-catalogue/${fileFor(code)}:\n${entryText(code, '...', '...')}`);
  const text = pageText();
  if (missing.length > 0) process.exitCode = 1;
  else if (mode !== '--check') writeFileSync(page, text);
  else if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/errors.md differs from ts-src/error-catalogue/; run: npm run errors');
    process.exitCode = 1;
  }
}

function pageText() {
  const sections = CATALOGUE.map(({ title, entries }) => `## ${title}\n\n${entries.map(entryOnPage).join('\n')}`);
  return `${introduction()}\n${sections.join('\n')}`;
}

function entryOnPage({ code, meaning, causes, remedy, retryable, retry, errorClass, status }) {
  return [
    `### \`${code}\``,
    '',
    `${meaning}`,
    '',
    `- **Causes:** ${causes}`,
    `- **What to do:** ${remedy}`,
    `- **Try again:** ${retryable}${retry === undefined ? '.' : `. ${retry}`}`,
    `- **Class:** ${errorClass}. **HTTP status:** ${status}.`,
    '',
  ].join('\n');
}

function introduction() {
  return `<!-- Made by scripts/errors-page.mjs of ts-src/error-catalogue/: change it there, then run npm run errors. -->

# Errors

Every operational failure is a \`NexusError\` with a stable \`code\`; a mistake in a call is a \`NexusTypeError\` (a \`TypeError\`) with a code too. Messages may
change between versions, codes do not. \`error.data\` holds what the message was made of, \`error.cause\` what was behind it. An \`ask\` also rejects with whatever
its handler threw: that error is not wrapped (from another thread it is a copy, with name, message, stack, code, cause and own properties).
\`nexus explain CODE\` prints an entry of this page.

What returns a promise rejects, also for a mistake in its arguments. \`tell\` and \`send\` return what became of the message (\`accepted\`, \`full\`, \`dropped\`, \`noAgent\`,
\`stopped\`) and never throw for any of these. They throw for mistakes only: \`NEXUS_ACTION_UNKNOWN\`; \`NEXUS_SHAPE_MISMATCH\`; \`NEXUS_OPTION_INVALID\` for an id or
reference that is none; and, to an agent of another thread, \`NEXUS_NOT_CLONEABLE\` and \`NEXUS_MESSAGE_TOO_LARGE\`.

**Messages** say what happened, where, why, and what to do. They are at most 8,192 characters long; ids and values longer than 80 are cut in them, and whole in
\`data\`. A part of \`data\` has the same name everywhere:

| name | holds |
| --- | --- |
| \`id\`, \`kind\`, \`action\` | the agent the error is about, and what it was to do, as far as known; no \`id\` where nobody has looked it up before the agent ended |
| \`expected\` | the kind that was asked for, where \`kind\` is the one there is |
| \`thread\` | index of the thread it is about |
| \`timeoutMs\` | the time there was |
| \`deadline\` | \`caller\`: the time was what was left of that of whoever asked the asking agent |
| \`waiting\` | of an ask that timed out, at that moment: \`thread\` (where the agent is; -1 if it has ended, or its node has not answered), \`node\` (that of the thread, if it is another one), \`state\` of that thread (\`here\`: the asking one; \`busy\`, \`idle\`, \`starting\`, \`lost\`, \`stopped\`; \`ended\` for an agent that has), for an agent of the same thread \`agent\` (\`starting\`, \`ready\`, \`busy\`, \`restarting\`, \`moving\`, \`ending\`) and \`messages\` in its mailbox, for one of another thread \`isCongested\` (its mailbox is nearly full). A hint: it may be a moment old |
| \`capacity\`, \`overflow\` | of the mailbox that is full |
| \`option\` | path of the option that is wrong, such as \`memory.ringBytes\` |
| \`name\`, \`suggestion\`, \`known\` | what is misspelt, the nearest name there is, and all there are |
| \`group\`, \`topic\`, \`skill\`, \`module\`, \`path\` | the group, topic, skill, module or file |
| \`reason\` | which of several causes it was |

**Stacks.** An error that a call makes at once has the stack of the call. A failure that comes later (a time that is over, the end of an agent, a lost thread) is made
by the runtime when it comes: its stack ends there, as nothing is recorded when a message is sent, which would cost more than the message. Await the ask in an \`async\`
function, and the message names the agent and the action instead; \`await agent.ask(...).catch((cause) => { throw new Error('while ordering', { cause }); })\` adds the place.
`;
}

function adopt() {
  for (const [, code, causes, remedy = '...'] of readFileSync(page, 'utf8').matchAll(/^\| `([A-Z]+_[A-Z_]+)` \| (.*?) \|(?: (.*?) \|)?\s*$/gm)) {
    if (!documented.has(code)) console.log(`// ts-src/error-catalogue/${fileFor(code)}\n${entryText(code, causes, remedy)}`);
  }
}

function fileFor(code) {
  if (code.startsWith('GATEWAY_')) return 'gateway.ts';
  return code.startsWith('NEXUS_STORE_') ? 'storage.ts' : 'calls.ts, agents.ts or threads.ts';
}

function entryText(code, causes, remedy) {
  const last = code.startsWith('GATEWAY_') ? "status: '500'" : "errorClass: 'NexusError'";
  return `  ${code}: {\n    causes: ${quoted(causes)},\n    remedy: ${quoted(remedy)},\n    retryable: 'no',\n    ${last},\n  },`;
}

function quoted(text) {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}
