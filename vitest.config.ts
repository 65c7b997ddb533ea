import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests run against the build in `dist/`, as users do: worker threads cannot load TypeScript. `npm test` builds first. */
export default defineConfig({
  resolve: { alias: { 'nexus-agents': fileURLToPath(new URL('./dist/ts-src/index.js', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//, /\/test\/fixtures\//] } },
  },
});
