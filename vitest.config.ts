import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.long.test.ts'],
    // Many tests wait for processes and sockets: with one worker a core the machine would stand idle.
    maxWorkers: 4,
    // Files share what they import, which costs more than most of them: none of them leaves state behind in it.
    isolate: false,
    // What waits has limits of its own, which say what was waited for.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
