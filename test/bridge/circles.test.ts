/** Rules that pass messages round in a circle between real brokers, where nobody has checked them: it ends. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { waitFor } from '../support/wait-for.ts'
import { connected, openBridge, openClient } from './support/bridge.ts'

let left: Mosquitto
let right: Mosquitto
const cleanup: (() => Promise<unknown>)[] = []
let run = 0

beforeAll(async () => {
  ;[left, right] = await Promise.all([startMosquitto(), startMosquitto()])
  return () => Promise.all([left.close(), right.close()])
})

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

async function open(rules: string, protocol: string) {
  run++
  const bridge = await openBridge(`
brokers:
  left: { url: "${left.url}", client_id: circle-${run}, protocol: "${protocol}" }
  right: { url: "${right.url}", client_id: circle-${run}, protocol: "${protocol}" }
rules:
${rules.replaceAll('RUN', String(run))}`)
  cleanup.push(() => bridge.stop())
  await connected(bridge, 'left', 'right')
  const client = await openClient(left.url, `c/${run}/#`)
  cleanup.push(() => client.end())
  return { bridge, client }
}

const bothWays = `
  - { id: out, broker: left, topic: "c/RUN/#", then: [{ forward: { to: right } }] }
  - { id: back, broker: right, topic: "c/RUN/#", then: [{ forward: { to: left } }] }
`

test('on MQTT 5 a message carries how often it was passed on; the ninth time it is kept aside', async () => {
  const { bridge, client } = await open(bothWays, '5')
  await client.publish(`c/${run}/a`, 'x')
  const [letter] = await bridge.deadLetters.count(1)
  expect(letter).toMatchObject({ topic: `c/${run}/a`, reason: 'too-many-hops', rules: ['out'] })
  expect(bridge.notices.items.map(({ kind, rule }) => [kind, rule])).toEqual([['too-many-hops', 'out']])
  await client.heard.count(5)
  expect(client.heard.items.map(({ properties }) => properties?.userProperties?.['tocsin-hops'])).toEqual([
    undefined,
    '2',
    '4',
    '6',
    '8',
  ])
})

describe('on MQTT 3.1.1, where nothing can be carried', () => {
  test('what rules sent is known again: it ends after 17 times round', async () => {
    const { bridge, client } = await open(bothWays, '3.1.1')
    await client.publish(`c/${run}/a`, 'x')
    const [notice] = await bridge.notices.count(1)
    expect(notice).toMatchObject({ kind: 'looped', rule: 'back' })
    await bridge.engine.idle()
    // Nine times here: the device's own, and every second of the 17 that were passed on.
    await client.heard.count(9)
    expect(client.heard.items.length).toBe(9)
    expect(bridge.notices.items.length).toBe(1)
  })

  test('a rule that takes what it publishes itself', async () => {
    const rules = `
  - { id: again, broker: left, topic: "c/RUN/+name", then: [{ publish: { topic: "c/RUN/{{ name }}", payload: "{{ payload }}" } }] }
`
    const { bridge, client } = await open(rules, '3.1.1')
    await client.publish(`c/${run}/a`, 'x')
    await bridge.notices.count(1)
    await client.heard.count(18)
    expect(client.heard.items.length).toBe(18)
    expect(bridge.notices.items.map(({ kind }) => kind)).toEqual(['looped'])
  })

  test('a device that sends the same again and again is not taken for a circle', async () => {
    const rules = `
  - { id: out, broker: left, topic: "c/RUN/in", then: [{ forward: { to: right } }] }
  - { id: back, broker: right, topic: "c/RUN/in", then: [{ forward: { to: left, topic: c/RUN/out } }] }
  - { id: on, broker: left, topic: "c/RUN/out", then: [{ forward: { to: left, topic: c/RUN/end } }] }
`
    const { bridge, client } = await open(rules, '3.1.1')
    for (let count = 0; count < 200; count++) await client.publish(`c/${run}/in`, 'same')
    const ended = () => client.heard.items.filter(({ topic }) => topic.endsWith('/end')).length
    await waitFor('all to go through', () => ended() >= 200)
    expect(ended()).toBe(200)
    expect(bridge.notices.items).toEqual([])
  })
})
