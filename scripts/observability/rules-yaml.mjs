/** The alert rules as a file of Prometheus. Texts are in double quotes, which YAML reads as JSON does. */
export function rulesYaml(groups) {
  const lines = ['# Alert rules for Nexus. Generated: change scripts/observability/alerts.mjs and run: npm run dashboards', 'groups:'];
  for (const { name, alerts } of groups) {
    lines.push(`  - name: ${name}`, '    rules:');
    for (const { alert, expr, for: holds, severity, summary, description, action } of alerts)
      lines.push(
        `      - alert: ${alert}`,
        `        expr: ${JSON.stringify(expr)}`,
        `        for: ${holds}`,
        '        labels:',
        `          severity: ${severity}`,
        '        annotations:',
        `          summary: ${JSON.stringify(summary)}`,
        `          description: ${JSON.stringify(description)}`,
        `          action: ${JSON.stringify(action)}`,
      );
  }
  return `${lines.join('\n')}\n`;
}
