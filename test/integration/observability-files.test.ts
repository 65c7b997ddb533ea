/** The dashboards and alerts that are shipped: made of the catalogue of metrics, asking for nothing else, and read by promtool. What they show is `prometheus.test.ts`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { METRICS } from '../../dist/ts-src/adapters/metrics-catalogue.js';
import { ALERT_GROUPS } from '../../scripts/observability/alerts.mjs';
import { DASHBOARDS } from '../../scripts/observability/dashboards.mjs';
import { checkExpression } from '../../scripts/observability/promql.mjs';
import { describePrometheus } from '../prometheus.js';
import { ALERT_CASES } from './alert-cases.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rules = join(root, 'observability/prometheus/nexus-alerts.yml');
const alerts = ALERT_GROUPS.flatMap((group) => group.alerts);

test('dashboards, alerts and the table of metrics are those that the catalogue makes', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/observability.mjs'), '--check'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

test('an expression that asks for what there is not is refused, with what that is', () => {
  const refused: readonly [string, RegExp][] = [
    ['nexus_agentz', /no metric 'nexus_agentz'/],
    ['sum(rate(nexus_turn_duration_seconds[5m]))', /is a histogram/],
    ['nexus_agents_bucket', /no metric 'nexus_agents_bucket'/],
    ['nexus_agents{kind="a"}', /'nexus_agents' has no label 'kind'/],
    ['sum by (distance) (nexus_agents)', /has the label 'distance'/],
    ['sum(nexus_agents) by (distance)', /has the label 'distance'/],
    ['sum by (le) (rate(nexus_turn_duration_seconds_sum[5m]))', /has the label 'le'/],
    ['sum(nexus_asks_total)', /only grows/],
    ['nexus_asks_total{thread="1"} > 5', /only grows/],
    ['quantiles(0.9, nexus_agents)', /not a function/],
    ['nexus_agents / on (jobs) nexus_queue_depth', /has the label 'jobs'/],
    ['nexus_agents # 5', /cannot read/],
  ];
  for (const [expression, message] of refused) expect(() => checkExpression(expression, METRICS), expression).toThrow(message);
  const { metrics, grouped } = checkExpression(
    'histogram_quantile(0.9, sum by (le, job) (rate(nexus_turn_duration_seconds_bucket{thread=~"1|2"}[5m]))) and on (job) nexus_agents',
    METRICS,
  );
  expect([[...metrics], [...grouped]]).toEqual([
    ['nexus_turn_duration_seconds', 'nexus_agents'],
    ['le', 'job'],
  ]);
});

test('every metric is on a dashboard', () => {
  const shown = new Set(
    DASHBOARDS.flatMap(({ rows }) =>
      rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.flatMap(({ expr }) => [...checkExpression(expr, METRICS).metrics]))),
    ),
  );
  expect(METRICS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly datasource: { readonly uid: string } }[];
}

test('a dashboard has panels with ids of their own that do not cover each other, and takes data source, job and instance as variables', () => {
  const files = readdirSync(join(root, 'observability/grafana'));
  expect(files.sort()).toEqual(['nexus-cluster.json', 'nexus-gateway.json', 'nexus-operations.json', 'nexus-overview.json']);
  for (const file of files) {
    const { panels, templating, uid, schemaVersion } = JSON.parse(readFileSync(join(root, 'observability/grafana', file), 'utf8')) as {
      panels: Panel[];
      templating: { list: { name: string }[] };
      uid: string;
      schemaVersion: number;
    };
    expect([uid, schemaVersion]).toEqual([file.replace('.json', ''), 39]);
    expect(templating.list.map(({ name }) => name).slice(0, 3)).toEqual(['datasource', 'job', 'instance']);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.filter(({ type }) => type !== 'row').map(({ title }) => title)).size).toBe(panels.filter(({ type }) => type !== 'row').length);
    const covered = new Set<string>();
    for (const { gridPos, title } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x < 24 && !covered.has(`${x} ${y}`), `${file}: ${title} at ${x} ${y}`).toBe(true);
          covered.add(`${x} ${y}`);
        }
    for (const { type, datasource, targets = [] } of panels) {
      if (type === 'row') continue;
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
      for (const each of [datasource, ...targets.map((target) => target.datasource)]) expect(each?.uid).toBe('${datasource}');
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  }
});

test('every alert says what is the matter and what to do, and is tried both ways', () => {
  for (const { alert, summary, description, action, severity } of alerts) {
    for (const text of [summary, description, action]) expect(text.length, alert).toBeGreaterThan(20);
    expect(['warning', 'critical']).toContain(severity);
  }
  expect(Object.keys(ALERT_CASES)).toEqual(alerts.map(({ alert }) => alert));
});

describePrometheus(() => {
  test('promtool finds no fault with the alert rules', () => {
    expect(execFileSync('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', rules], { encoding: 'utf8' })).toContain(
      `SUCCESS: ${alerts.length} rules found`,
    );
  });

  test('each alert fires for what it is for, with its texts, and not for what is near to it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-alerts-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const target = { job: 'nexus', instance: 'host:8080' };
    const series = (each: Readonly<Record<string, string>>) =>
      Object.entries(each).map(([name, values]) => ({ series: name.replace('JI', `job="${target.job}",instance="${target.instance}"`), values }));
    const tests = alerts.flatMap(({ alert, severity, summary, description, action }) => {
      const { fires, labels, value, quiet } = ALERT_CASES[alert] as (typeof ALERT_CASES)[string];
      const all: Readonly<Record<string, string>> = { ...target, ...labels };
      const filled = (text: string): string =>
        text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => all[label] ?? '').replace(/\{\{ \$value[^}]*\}\}/g, value);
      const expected = {
        exp_labels: { ...all, severity },
        exp_annotations: { summary: filled(summary), description: filled(description), action: filled(action) },
      };
      const at = { eval_time: '15m', alertname: alert };
      return [
        { name: `${alert} fires`, interval: '1m', input_series: series(fires), alert_rule_test: [{ ...at, exp_alerts: [expected] }] },
        { name: `${alert} does not`, interval: '1m', input_series: series(quiet), alert_rule_test: [{ ...at, exp_alerts: [] }] },
      ];
    });
    // What is JSON is YAML.
    const file = join(folder, 'alerts.test.yml');
    writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
    expect([status, stderr], stdout).toEqual([0, '']);
  });
});
