import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.long.test.ts'],
    // Many tests wait for processes and sockets: with one worker a core the machine would stand idle.
    maxWorkers: 5,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
