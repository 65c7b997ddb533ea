/**
 * Writes what is made of the catalogue of metrics: the table in `docs/metrics.md`, the dashboards and the alert rules in `observability/`. Every expression is checked against the catalogue
 * first. With `--check` it writes nothing and fails on a difference. Needs the build.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { METRICS, seriesMax } from '../dist/ts-src/adapters/metrics-catalogue.js';
import { ALERT_GROUPS } from './observability/alerts.mjs';
import { DASHBOARDS } from './observability/dashboards.mjs';
import { grafanaDashboard } from './observability/grafana-json.mjs';
import { withTable } from './observability/metrics-table.mjs';
import { checkExpression } from './observability/promql.mjs';
import { rulesYaml } from './observability/rules-yaml.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const GRAFANA = 'observability/grafana';
const RULES = 'observability/prometheus/nexus-alerts.yml';

checkAll();
const files = new Map([
  ['docs/metrics.md', withTable(readFileSync(join(root, 'docs/metrics.md'), 'utf8'), METRICS, seriesMax)],
  [RULES, rulesYaml(ALERT_GROUPS)],
  ...DASHBOARDS.map((dashboard) => [`${GRAFANA}/${dashboard.file}`, `${JSON.stringify(grafanaDashboard(dashboard), null, 2)}\n`]),
]);
if (process.argv.includes('--check')) {
  const different = [...files].filter(([file, text]) => readOrNothing(file) !== text).map(([file]) => file);
  const unknown = readdirSync(join(root, GRAFANA)).filter((file) => !files.has(`${GRAFANA}/${file}`));
  if (different.length + unknown.length > 0) {
    console.error(`not what the catalogue makes: ${[...different, ...unknown].join(', ')}. Run: npm run dashboards`);
    process.exitCode = 1;
  }
} else {
  for (const [file, text] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
}

/** Expressions, and the labels that texts beside them name: those must be what an expression groups by. */
function checkAll() {
  for (const { rows, variables } of DASHBOARDS) {
    for (const { query } of variables) {
      const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(query);
      const { metrics } = checkExpression(selector, METRICS, { isSelector: true });
      for (const metric of metrics)
        if (!METRICS.find(({ name }) => name === metric).labels.some(({ name }) => name === label)) throw new Error(`${metric} has no label '${label}'`);
    }
    for (const { panels } of rows)
      for (const { title, queries } of panels)
        for (const { expr, legend } of queries) checkTexts(title, checkExpression(expr, METRICS).grouped, legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g));
  }
  for (const { alerts } of ALERT_GROUPS)
    for (const { alert, expr, summary, description, action } of alerts)
      checkTexts(alert, checkExpression(expr, METRICS).grouped, `${summary}${description}${action}`.matchAll(/\$labels\.(\w+)/g));
}

function checkTexts(what, grouped, matches) {
  for (const [, label] of matches) if (!grouped.has(label)) throw new Error(`'${what}' speaks of the label '${label}', by which it does not group`);
}

function readOrNothing(file) {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}
