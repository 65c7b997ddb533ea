/** Durable agents with the testing kit, by its public names. */
import { defineAgent } from 'nexus-agents';
import { createTestNexus, memoryStorage, withNexus } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

const Note = defineAgent({
  kind: 'note',
  state: () => ({ text: '' }),
  durable: { writes: 'through' },
  actions: { write: (state, text: string) => void (state.text = text), read: (state) => state.text },
});

test('a durable agent of a test nexus is kept in the storage of the testing kit, for the next nexus too', async () => {
  const storage = memoryStorage();
  await withNexus({ agents: [Note], threads: 2, storage, seed: 1 }, async (nexus) => {
    const note = await nexus.getOrSpawn(Note, 'a');
    await note.ask('write', 'kept');
    storage.full = true;
    await expect(note.ask('write', 'lost')).rejects.toMatchObject({ code: 'NEXUS_STORE_FULL' });
    storage.full = false;
  });
  await withNexus({ agents: [Note], threads: 2, storage, seed: 2 }, async (nexus) => {
    expect(await nexus.find('a', Note)?.ask('read')).toBe('kept');
  });
});

test('a test nexus without options says what it expects', async () => {
  await expect(createTestNexus(undefined as never)).rejects.toMatchObject({ code: 'NEXUS_OPTION_INVALID' });
});
