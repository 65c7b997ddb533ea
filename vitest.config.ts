import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const built = (file: string): string => fileURLToPath(new URL(`./dist/ts-src/${file}`, import.meta.url));

/** Tests run against the build in `dist/`, as users do: worker threads cannot load TypeScript. `npm test` builds first. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^nexus-agents$/, replacement: built('index.js') },
      { find: /^nexus-agents\/(\w+)$/, replacement: built('$1/index.js') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//, /\/test\/fixtures\//] } },
  },
});
