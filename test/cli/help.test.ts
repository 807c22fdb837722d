/** What `tocsin` alone and `--help` tell a newcomer. */
import { expect, test } from 'vitest'
import { makeDirectory, tocsin } from '../support/tocsin.ts'

test('without a command the commands are listed by what they are for, within 80 columns; the exit code is 2', async () => {
  const { code, stdout, stderr } = await tocsin([])
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
  expect(stdout.match(/^[A-Z].*:$/gm)).toEqual([
    'Options:',
    'Rules:',
    'What is going on:',
    'Devices and requests:',
    'Alerts:',
    'Help:',
  ])
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(stdout).toContain('Exit codes: 0 good, 1 problems found, 2 wrong usage.')
  expect(await tocsin(['--help'])).toEqual({ code: 0, stdout, stderr: '' })
})

test.each([
  [['chek'], /Did you mean check\?\)\n\(`tocsin --help` lists the commands\)\n$/],
  [['forget', 'rules', 'silent-sensor', 'g7'], /^Write the rule, and its key as NAME=VALUE/],
  [['watch', '--format', 'xml'], /\(`tocsin watch --help` tells its arguments and options\)\n$/],
])('wrong usage says where to look: %j', async (argv, words) => {
  const { code, stderr } = await tocsin(argv)
  expect(code).toBe(2)
  expect(stderr).toMatch(words)
})

test('what is forgotten need not have the directory before it, if that is rules/', async () => {
  const files = { 'rules/a.yaml': 'brokers: { default: { url: "mqtt://127.0.0.1:1" } }\n' }
  const { path: cwd, remove } = makeDirectory(files)
  const { code, stderr } = await tocsin(['forget', 'silent-sensor', 'device=g7'], { cwd })
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('mqtt://127.0.0.1:1.') })
  remove()
})
