import { defineConfig } from 'vitest/config'

// The long forms of the property tests and simulations; `npm test` runs the short ones.
export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts', 'test/**/*.property.test.ts', 'test/core/alerts/storm.test.ts'],
    testTimeout: 600_000,
  },
})
