/** The options of `npm run bench`. Knows their names and limits, nothing about what runs. */
import { parseArgs } from 'node:util';

/** @param {readonly string[]} suites names that `--suite` accepts */
export function usage(suites) {
  return `Usage: npm run bench -- [options]

  --json FILE    write the rows to FILE: an array of { suite, case, peer, unit, median, min, max, n }
  --chart FILE   draw the suite curve into FILE, an SVG
  --suite NAME   run this suite only (may be repeated): ${suites.join(', ')}
  --runs N       rounds, each in fresh processes, 1 to 100 (default 5; 1 with --smoke)
  --smoke        every case at a tiny size: shows that the benchmarks work, not how fast anything is
  --help         this text

NEXUS_ENGINE=portable or native forces an engine.
`;
}

/**
 * @param {readonly string[]} args
 * @param {readonly string[]} suites
 * @returns {{ kind: 'run', json: string | undefined, chart: string | undefined, suites: readonly string[], runs: number, smoke: boolean } | { kind: 'help' } | { kind: 'mistake', message: string }}
 */
export function parseCommandLine(args, suites) {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'string' },
        chart: { type: 'string' },
        suite: { type: 'string', multiple: true },
        runs: { type: 'string' },
        smoke: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return mistake(error.message);
  }
  if (values.help) return { kind: 'help' };
  const chosen = values.suite ?? suites;
  for (const name of chosen) if (!suites.includes(name)) return mistake(`there is no suite '${name}'; suites are ${suites.join(', ')}`);
  const runs = values.runs === undefined ? (values.smoke ? 1 : 5) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > 100) return mistake(`--runs is '${values.runs}'; it must be a whole number from 1 to 100`);
  if (values.json === '') return mistake('--json needs the name of a file');
  if (values.chart === '') return mistake('--chart needs the name of a file');
  if (values.chart !== undefined && !chosen.includes('curve')) return mistake('--chart draws the suite curve, which is not among those to run');
  return { kind: 'run', json: values.json, chart: values.chart, suites: suites.filter((name) => chosen.includes(name)), runs, smoke: values.smoke };
}

function mistake(message) {
  return { kind: 'mistake', message };
}
