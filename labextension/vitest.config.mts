import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    setupFiles: ['test/browser.ts'],
    silent: 'passed-only' // yjs and JupyterLab warn of what is missing without a real browser
  }
});
