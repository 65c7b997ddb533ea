/** The example of `docs/simulation.md` runs as it stands, from a project of its own, by `nexus sim`; and so does what the page says of the command. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { filesOf, projectOf, readPage } from '../documented-code.js';

const files = filesOf(readPage('docs/simulation.md'));
const command = fileURLToPath(new URL('../../dist/ts-src/cli/nexus.js', import.meta.url));

type Outcome = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

function sim(folder: string, ...parameters: string[]): Outcome {
  const { NEXUS_TEST_SEED: _seed, ...env } = process.env;
  return spawnSync(process.execPath, [command, 'sim', ...parameters], { cwd: folder, env, encoding: 'utf8', timeout: 100_000 });
}

describe('nexus sim', { timeout: 120_000 }, () => {
  test('the example of the page on simulation passes, twice the same, and says what was seen', () => {
    const folder = projectOf(files, []);
    expect([...files.keys()]).toEqual(['scheduler.js', 'scheduler.sim.js']);
    const { status, stdout, stderr } = sim(folder, 'scheduler.sim.js', '--seed', '1', '--seeds', '6', '--twice');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^6 clusters from seed 1, [\d.]+ min simulated: nothing failed\nfaults\n/);
    expect(stdout).toMatch(/ {2}pause +[1-9]/);
    expect(status).toBe(0);
  });

  test('an agent that every member runs is found, with the command that shows it again; its plan is made smaller, and its trace replayed and drawn', () => {
    const folder = projectOf(files, []);
    writeFileSync(join(folder, 'wrong.js'), (files.get('scheduler.js') as string).replace('oldest?.name === cluster.self.name', 'oldest !== undefined'));
    writeFileSync(join(folder, 'wrong.sim.js'), (files.get('scheduler.sim.js') as string).replace('./scheduler.js', './wrong.js'));
    const failed = sim(
      folder,
      'wrong.sim.js',
      '--seed',
      '3',
      '--trace',
      'wrong.trace',
      '--diagram',
      'wrong.svg',
      '--shrink',
      'wrong.json',
      '--shrink-runs',
      '40',
      '--json',
    );
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('there are never two schedulers: it does not hold');
    expect(failed.stderr).toContain('again:\n  nexus sim wrong.sim.js --seed 3');
    expect(JSON.parse(failed.stdout)).toMatchObject({ runs: 1, failed: [3] });
    expect(readFileSync(join(folder, 'wrong.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(JSON.parse(readFileSync(join(folder, 'wrong.json'), 'utf8'))).toMatchObject({ seed: 3, faults: [] });
    expect(sim(folder, 'wrong.sim.js', '--plan', 'wrong.json').stderr).toContain('there are never two schedulers');
    const replayed = sim(folder, '--replay', 'wrong.trace');
    expect(replayed.stdout).toMatch(/^the same \d+ entries, [0-9a-f]{16}; it fails: there are never two schedulers/);
    expect(replayed.status).toBe(0);
    const lines = readFileSync(join(folder, 'wrong.trace'), 'utf8').split('\n');
    writeFileSync(join(folder, 'planted.trace'), lines.with(12, (lines[12] as string).replace(/^\S+/, '0.001')).join('\n'));
    const planted = sim(folder, '--replay', 'planted.trace');
    expect(planted.stdout).toContain('first difference: entry 11');
    expect(planted.status).toBe(1);
  });

  test('a module that is none, a plan that is none and options that do not exist are told as such', () => {
    const folder = projectOf(files, []);
    writeFileSync(join(folder, 'none.js'), 'export default 7;');
    writeFileSync(join(folder, 'plan.json'), '{"seed":1,"nodes":3,"durationMs":5,"faults":[{"kind":"losss","atMs":0,"forMs":1}]}');
    expect(sim(folder, 'none.js')).toMatchObject({
      status: 1,
      stderr: 'nexus: simulation: is 7; it must be what defineSimulation returns, as the default export of the module\n',
    });
    expect(sim(folder, 'missing.js').stderr).toContain('there is no file');
    expect(sim(folder, '--membership', '--plan', 'plan.json').stderr).toContain("plan.json.faults[0].kind: is 'losss'; did you mean 'loss'?");
    expect(sim(folder, '--membership', '--faults', 'lost')).toMatchObject({ status: 2, stderr: expect.stringContaining("did you mean 'loss'?") });
    expect(sim(folder)).toMatchObject({ status: 2, stderr: expect.stringContaining('which simulation?') });
    expect(sim(folder, '--help').stdout).toContain('--shrink FILE');
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});
