/** The rule language, feature by feature: every test of every `*.test.yaml` below this folder. */
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { channels } from '../../src/channels/index.ts'
import { testing } from '../../src/cli/commands/test.ts'
import { problemReport } from '../../src/cli/problem-report.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { decoders } from '../../src/decoders/index.ts'
import { createStore } from '../../src/stores/index.ts'
import { failureText } from '../../src/tools/test/report-text.ts'
import { runTest } from '../../src/tools/test/run-test.ts'
import { readTestFiles } from '../../src/tools/test/test-files.ts'

const plain = { colour: false, columns: 140 }
const features = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) =>
  entry.isDirectory(),
)

for (const { name } of features) {
  const directory = path.join(import.meta.dirname, name)
  describe(name, () => {
    const { configuration, problems } = loadConfiguration(directory, {
      env: {},
      actions,
      decoders,
      channels,
      zone: 'Europe/Berlin',
    })
    test('the rules have no problem', () => {
      // Most are not about who is told.
      const others = problems.filter(({ code }) => code !== 'alert-without-policy')
      expect(problemReport(others, plain)).toBe('')
    })
    if (configuration === null) return
    const { known, deps } = testing(configuration, { decoders, channels, createStore })
    const read = readTestFiles(directory, known)
    test('the tests have no problem', () => {
      expect(problemReport(read.problems, plain)).toBe('')
      expect(read.tests.length).toBeGreaterThan(0)
    })
    for (const one of read.tests) {
      test(one.name, async () => {
        const { failure } = await runTest(one, deps)
        expect(failure === null ? '' : failureText(failure, plain)).toBe('')
      })
    }
  })
}
