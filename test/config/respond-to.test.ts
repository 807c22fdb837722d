/** `settings.respond_to`: where answers to requests may go. */
import { expect, test } from 'vitest'
import { Workspace } from './workspace.ts'

const rule = 'rules: [{ id: x, topic: a, then: [{ log: { file: x.csv } }] }]'
const load = (respondTo: string) =>
  new Workspace({ 'a.yaml': `settings: { respond_to: ${respondTo} }\n${rule}\n` }).load()

test('is response/# unless given', () => {
  const loaded = new Workspace({ 'a.yaml': rule }).load()
  expect(loaded.configuration?.settings.respondTo).toEqual(['response/#'])
  expect(load('[a/+/b, "response/#"]').configuration?.settings.respondTo).toEqual(['a/+/b', 'response/#'])
  expect(load('[]').configuration?.settings.respondTo).toEqual([])
})

test('takes plain filters alone, and says where others are wrong', () => {
  const { configuration, problems } = load('["response/#", "a/#/b", "+name/x", "$share/g/x", ""]')
  expect(configuration).toBeNull()
  expect(problems.map(({ code, path }) => [code, path.at(-1)])).toEqual([
    ['topic-wildcard-placement', 1],
    ['topic-wildcard-placement', 2],
    ['topic-shared-subscription', 3],
    ['topic-empty', 4],
  ])
  expect(load('response/#').problems.map(({ code }) => code)).toEqual(['config-type'])
})

test('what is sound of a configuration with problems can still be used to ask', () => {
  const broken = new Workspace({
    'a.yaml': 'brokers: { default: { url: mqtt://somewhere } }\nrules: [{ id: x, topic: "a/#/b", then: [] }]',
  }).load()
  expect(broken.configuration).toBeNull()
  expect(broken.sound.brokers.get('default')?.url).toBe('mqtt://somewhere')
})

test('a rule that responds needs it not to be empty', () => {
  const loaded = new Workspace({
    'a.yaml': 'settings: { respond_to: [] }\nrules: [{ id: a, topic: ask, respond: { ok: true } }]\n',
  }).load()
  expect(loaded.problems).toEqual([
    expect.objectContaining({ code: 'rule-conflict', message: expect.stringContaining('respond_to') }),
  ])
})
