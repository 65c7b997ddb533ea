/** A dashboard as Grafana imports it: schema 39, which Grafana 10.3 and later read. Panels are two in a row, stats six; the places follow from the order. */
const SCHEMA = 39;
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 24;
const HEIGHTS = { stat: 4, timeseries: 8, heatmap: 8 };
const WIDTHS = { stat: 4, timeseries: 12, heatmap: 12 };

export function grafanaDashboard({ uid, title, description, variables, rows }) {
  const panels = [];
  let y = 0;
  for (const row of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title: row.title, collapsed: false, gridPos: { h: 1, w: WIDTH, x: 0, y }, panels: [] });
    y++;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      const [w, h] = [WIDTHS[panel.type], HEIGHTS[panel.type]];
      if (x + w > WIDTH) {
        y += height;
        x = 0;
        height = 0;
      }
      panels.push({ id: panels.length + 1, ...panelJson(panel), gridPos: { h, w, x, y } });
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return {
    uid,
    title,
    description,
    tags: ['nexus'],
    schemaVersion: SCHEMA,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timepicker: {},
    timezone: '',
    annotations: { list: [] },
    links: [
      {
        type: 'dashboards',
        tags: ['nexus'],
        title: 'Nexus',
        asDropdown: false,
        includeVars: true,
        keepTime: true,
        icon: 'external link',
        targetBlank: false,
        tooltip: '',
        url: '',
      },
    ],
    templating: {
      list: [
        {
          name: 'datasource',
          label: 'Data source',
          type: 'datasource',
          query: 'prometheus',
          current: {},
          hide: 0,
          includeAll: false,
          multi: false,
          options: [],
          refresh: 1,
          regex: '',
        },
        variable('job', 'label_values(nexus_engine_info, job)'),
        variable('instance', 'label_values(nexus_engine_info{job=~"$job"}, instance)'),
        ...variables.map(({ name, query }) => variable(name, query)),
      ],
    },
    panels,
  };
}

/** What Grafana puts in the place of a variable of which all are chosen. */
export const ALL = '.*';

function variable(name, query) {
  return {
    name,
    label: name[0].toUpperCase() + name.slice(1),
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
    current: { selected: true, text: ['All'], value: ['$__all'] },
    includeAll: true,
    allValue: ALL,
    multi: true,
    hide: 0,
    options: [],
    refresh: 2,
    regex: '',
    sort: 1,
  };
}

function panelJson({ type, title, unit, description, queries, isStacked = false, thresholds = [] }) {
  const targets = queries.map(({ expr, legend }, index) => ({
    refId: String.fromCharCode(65 + index),
    datasource: DATASOURCE,
    editorMode: 'code',
    expr,
    range: true,
    ...(type === 'heatmap' ? { format: 'heatmap' } : {}),
    legendFormat: legend === '' ? '__auto' : legend,
  }));
  const steps = thresholds.map(([color, value]) => ({ color, value }));
  const defaults = { unit, thresholds: { mode: 'absolute', steps: steps.length > 0 ? steps : [{ color: 'green', value: null }] } };
  const panel = { type, title, description, datasource: DATASOURCE, targets };
  if (type === 'stat')
    return {
      ...panel,
      fieldConfig: { defaults, overrides: [] },
      options: {
        colorMode: 'value',
        graphMode: 'area',
        justifyMode: 'auto',
        orientation: 'auto',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        textMode: 'auto',
      },
    };
  if (type === 'heatmap')
    return {
      ...panel,
      fieldConfig: { defaults: {}, overrides: [] },
      options: {
        calculate: false,
        cellGap: 1,
        color: { mode: 'scheme', scheme: 'Oranges', steps: 64, exponent: 0.5, fill: 'dark-orange', reverse: false },
        legend: { show: true },
        tooltip: { mode: 'single', yHistogram: false },
        yAxis: { axisPlacement: 'left', reverse: false, unit },
      },
    };
  const custom = {
    drawStyle: 'line',
    fillOpacity: isStacked ? 25 : 8,
    lineInterpolation: 'linear',
    lineWidth: 1,
    pointSize: 4,
    showPoints: 'auto',
    spanNulls: false,
    stacking: { group: 'A', mode: isStacked ? 'normal' : 'none' },
  };
  return {
    ...panel,
    fieldConfig: { defaults: { ...defaults, min: 0, custom }, overrides: [] },
    options: {
      legend: { calcs: ['lastNotNull', 'max'], displayMode: 'table', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}
