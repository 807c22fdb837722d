/** `tocsin request` as people and scripts see it: what it prints, where, and with which exit code. */
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, tocsin } from '../support/tocsin.ts'

async function request(argv: readonly string[], { isTTY = false, env = {}, input = '' } = {}) {
  const options = { env: { MQTT_URL: mosquitto.url, ...env }, isTTY, input }
  const { code, stdout, stderr } = await tocsin(['request', ...argv], options)
  return { code, out: stdout, err: stderr }
}

let mosquitto: Mosquitto
let responder: mqtt.MqttClient
/** Requests to `ask/echo` are answered with what was asked; those to `ask/say` with the text in it. */
beforeAll(async () => {
  mosquitto = await startMosquitto()
  responder = await mqtt.connectAsync(mosquitto.url, { protocolVersion: 5, reconnectPeriod: 0 })
  responder.on('message', (topic, payload, { properties }) => {
    const asked = JSON.parse(payload.toString())
    const to = properties?.responseTopic ?? `response/${asked.request_id}`
    if (topic === 'ask/echo') {
      const { request_id: id, ...rest } = asked
      responder.publish(
        to,
        JSON.stringify(typeof asked === 'object' ? { ...rest, hasId: id !== undefined } : { asked }),
      )
    }
    if (topic === 'ask/say') responder.publish(to, asked.text)
  })
  await responder.subscribeAsync('ask/#', { qos: 1 })
})
afterAll(async () => {
  await responder.endAsync(true)
  await mosquitto.close()
})

const say = (text: string) => ['ask/say', JSON.stringify({ text })]

describe('an answer', () => {
  test.each(['5', '3.1.1', 'auto'])('is printed as it came to a pipe, over MQTT %s', async (protocol) => {
    expect(await request(['ask/echo', '{"n": 1}', '--protocol', protocol])).toEqual({
      code: 0,
      out: '{"n":1,"hasId":true}\n',
      err: '',
    })
  })

  test('is laid out on a terminal, and cannot steer it', async () => {
    const { out } = await request(['ask/echo', '{"n":{"deep":"\\u009b2J"}}'], { isTTY: true })
    expect(out).toBe('{\n  "n": {\n    "deep": " 2J"\n  },\n  "hasId": true\n}\n')
    expect((await request(say('plain \u001b[31m text'), { isTTY: true })).out).toBe('plain  [31m text\n')
    expect((await request(say(''), { isTTY: true })).out).toBe('(empty)\n')
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    expect(
      (await request(['ask/say', '-'], { isTTY: true, input: JSON.stringify({ text: deep }) })).out,
    ).toBe(`${deep}\n`)
  })

  test('may be a text, which is no JSON for machines', async () => {
    expect(await request(say('two\nlines\n'))).toEqual({ code: 0, out: 'two\nlines\n', err: '' })
    expect(await request([...say('text'), '--format', 'json'])).toEqual({
      code: 1,
      out: '',
      err: 'The answer is no JSON. Without --format json it is printed as it is.\n',
    })
    const large = '{"large": 12345678901234567890}'
    expect((await request([...say(large.replace(' ', '\n\t')), '--format', 'json'])).out).toBe(`${large}\n`)
  })

  test('that says it is an error is printed too, and the exit code tells', async () => {
    const error = '{"status":"error","error":{"code":"unknown-device","message":"There is no g9."}}'
    expect(await request(say(error))).toEqual({
      code: 1,
      out: `${error}\n`,
      err: 'The answer is an error: There is no g9.\n',
    })
    expect((await request(say('{"status":"error","message":"no data"}'))).err).toBe(
      'The answer is an error: no data\n',
    )
    expect((await request(say('{"status":"error"}'))).err).toBe('The answer is an error.\n')
  })
})

describe('what is asked', () => {
  test('may be nothing, or come from standard input', async () => {
    expect((await request(['ask/echo'])).out).toBe('{"hasId":true}\n')
    expect((await request(['ask/echo', '-'], { input: '{"n":\n2}' })).out).toBe('{"n":2,"hasId":true}\n')
    const large = await request(['ask/echo', '-'], { input: ' '.repeat(1_048_577) })
    expect(large).toEqual({ code: 2, out: '', err: 'The request on standard input is larger than 1 MiB.\n' })
  })

  test('need not be an object with MQTT 5', async () => {
    expect(await request(['ask/echo', '22'])).toEqual({ code: 0, out: '{"asked":22}\n', err: '' })
    const { code, err } = await request(['ask/echo', '22', '--protocol', '3.1.1'])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^Only a JSON object can be asked over MQTT 3\.1\.1.*\nhelp: Write .*'\{"data": 22\}'/,
    )
  })
})

test('nobody answers: exit 1, and what to look at', async () => {
  const late = await request(['ask/nothing', '--timeout', '50ms', '--protocol', '3.1.1'])
  expect(late).toMatchObject({ code: 1, out: '' })
  expect(late.err).toMatch(/^Nobody answered within 0\.05 s\.\nhelp: See that who answers runs/)
  expect(late.err).toContain(mosquitto.url)
  const nobody = await request(['nowhere'])
  expect(nobody.code).toBe(1)
  expect(nobody.err).toMatch(/^Nobody listens to nowhere on this broker\.\nhelp: /)
})

describe('the broker', () => {
  test('is that of --url, of the directory, or of MQTT_URL', async () => {
    const unreachable = 'mqtt://127.0.0.1:1'
    const { path: directory, remove } = makeDirectory({
      'a.yaml': `brokers:\n  default: { url: '${unreachable}' }\n  near: { url: '${mosquitto.url}' }\n`,
    })
    const env = { MQTT_URL: unreachable }
    expect((await request(['ask/echo', '{}', '--url', mosquitto.url], { env })).code).toBe(0)
    expect((await request(['ask/echo', '{}', directory, '--broker', 'near'], { env })).code).toBe(0)
    const far = await request(['ask/echo', '{}', directory])
    expect(far.code).toBe(1)
    expect(far.err).toMatch(/^Nothing listens at mqtt:\/\/127\.0\.0\.1:1\.\nhelp: /)
    expect(await request(['ask/echo', '{}', directory, '--broker', 'fra'])).toMatchObject({
      code: 2,
      err: `There is no broker fra in ${directory}. There is: default, near.\n`,
    })
    // Where nothing in particular is asked, the directory may follow at once.
    expect(await request(['ask/echo', directory, '--broker', 'near'])).toMatchObject({
      code: 0,
      out: '{"hasId":true}\n',
    })
    const missing = await request(['ask/echo', '{}', `${directory}/missing`])
    expect(missing).toMatchObject({ code: 1, out: '' })
    expect(missing.err).toContain('missing')
    remove()
  })
})

test('a broker that nobody named and that is not there: where else to look', async () => {
  const { path: directory, remove } = makeDirectory({ 'a.yaml': 'rules: []\n' })
  const asked = [
    await tocsin(['request', 'ask/nobody-at-all', directory, '--timeout', '300ms']),
    await tocsin(['status', directory, '--timeout', '300ms']),
  ]
  for (const { code, stderr } of asked) {
    expect(code).toBe(1)
    expect(stderr).toContain(`No file of ${directory} names a broker`)
  }
  remove()
})

test.each([
  [['sensors/+/x'], /^The topic "sensors\/\+\/x" contains the wildcard \+\. Write the topic in full/],
  [[''], /^The topic is empty/],
  [['ask/echo', 'no-rules'], /^What is asked is no JSON: .*\nWrite it after the topic, in single quotes/],
  [['ask/echo', '{"request_id":"me"}'], /^Leave out request_id/],
  [['ask/echo', '{}', '--timeout', '5'], /Write a duration such as 5s/],
  [['ask/echo', '{}', '--url', 'localhost:1883'], /^The URL of a broker is such as mqtt:/],
  [['ask/echo', '{}', '--url', 'mqtt://h', '--broker', 'x'], /^Write --url or --broker, not both/],
  [['ask/echo', '{}', '--protocol', '4'], /Allowed choices are auto, 5, 3\.1\.1/],
  [[], /missing required argument/],
])('wrong usage is told in words: %j', async (argv, words) => {
  const { code, out, err } = await request(argv)
  expect(err).toMatch(words)
  expect({ code, out }).toEqual({ code: 2, out: '' })
})
