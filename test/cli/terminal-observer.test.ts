/** What a person sees at a terminal while messages come and go. */
import { stripVTControlCharacters } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { type TerminalOptions, terminalObserver } from '../../src/cli/terminal-observer.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { Message } from '../../src/core/message.ts'
import { textWidth } from '../../src/core/text-width.ts'
import type { LinkState } from '../../src/ports/broker.ts'
import type { Observer } from '../../src/ports/observer.ts'

let nowMs: number
let written: string
let observer: Observer

function observe(options: Partial<TerminalOptions> = {}): Observer {
  return terminalObserver({
    write: (text) => {
      written += text
    },
    colour: false,
    columns: () => 80,
    clock: { now: () => nowMs, setTimer: () => () => {} },
    zone: 'Europe/Berlin',
    redact: (text) => text.replaceAll('hunter2', '•••'),
    ...options,
  })
}

beforeEach(() => {
  nowMs = Date.parse('2026-11-22T14:20:40Z')
  written = ''
  observer = observe()
})

/** What was written since it was last looked at. */
function shown(): string[] {
  const lines = written.split('\n').slice(0, -1)
  written = ''
  return lines
}

function message(topic: string, payload: string | Uint8Array, more: Partial<Message> = {}): Message {
  return {
    broker: 'default',
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 1,
    receivedAt: nowMs,
    properties: null,
    ...more,
  }
}

function publish(topic: string, payload: string, retain = false): Effect {
  return {
    kind: 'publish',
    broker: 'default',
    message: { topic, payload: Buffer.from(payload), qos: 1, retain },
  }
}

describe('a message', () => {
  it('is shown with the local time, and with the rules that acted, do not know, or left it out', () => {
    observer.decided(
      message('sensors/g1/temperature', '36.2'),
      [
        { rule: 'high-temperature', verdict: 'true', acts: true },
        { rule: 'quiet', verdict: 'false' },
        { rule: 'humid', verdict: 'unknown' },
        { rule: 'switch', verdict: 'skipped', because: 'it is a replay' },
      ],
      [],
    )
    expect(shown()).toEqual([
      '15:20:40  sensors/g1/temperature  36.2',
      '          ▲ high-temperature',
      '          ? humid: no verdict, a value is missing or too few came',
      '          · switch: left out, it is a replay',
    ])
  })

  it('is told to be a replay, to be empty, or to be no text', () => {
    observer.decided(message('a', 'kept', { retain: true }), [], [])
    observer.decided(message('a', ''), [], [])
    observer.decided(message('a', Buffer.from([0xff, 0xd8, 0xff, 0xe0])), [], [])
    expect(shown()).toEqual([
      '15:20:40  a  kept (retained)',
      '15:20:40  a  (empty)',
      '15:20:40  a  (4 bytes)',
    ])
  })

  it('cannot steer the terminal, and shows no secret', () => {
    observer.decided(message('a/\u202eb', '\u001b]0;title\u0007\u009b2J hunter2\nnext'), [], [])
    expect(shown()).toEqual(['15:20:40  a/ b   ]0;title 2J ••• next'])
  })

  it.each(['temperature '.repeat(20), '温度'.repeat(60), '🙂👨‍👩‍👧'.repeat(60)])(
    'takes one line, however long it is and whatever it is written in: %s',
    (payload) => {
      observer = observe({ colour: true })
      observer.decided(message('sensors/g1/text', payload), [], [])
      const [line, ...others] = shown()
      expect(others).toEqual([])
      expect(line).toMatch(/…\u001b\[0m$/)
      const plain = stripVTControlCharacters(line ?? '')
      expect(textWidth(plain)).toBeGreaterThan(77)
      expect(textWidth(plain)).toBeLessThanOrEqual(80)
      expect(plain).not.toMatch(/\p{Cs}/u)
    },
  )
})

describe('what a rule does', () => {
  it('is shown: a change of state, a message that was published, a line that was written, one that was refused', () => {
    const change = { rule: 'overheating', key: { device: 'g1' }, episode: 1, atMs: nowMs } as const
    observer.transition({ ...change, from: 'pending', to: 'firing' })
    observer.transition({ ...change, from: 'firing', to: 'inactive', because: 'rule_removed' })
    observer.carriedOut(publish('sensors/g1/alert', '{"type":"high_temp"}', true))
    observer.carriedOut({
      kind: 'log',
      file: 'log.csv',
      format: 'csv',
      columns: ['t'],
      values: [36.2],
      rotate: { sizeBytes: 1, keep: 1 },
    })
    observer.refused(publish('locked', 'x'), 'not authorised')
    expect(shown()).toEqual([
      '          ● overheating g1: pending → firing',
      '          ● overheating g1: firing → inactive (rule_removed)',
      '          → sensors/g1/alert  {"type":"high_temp"} (retained)',
      '          → log.csv  [36.2]',
      '          ✗ locked  x: not authorised',
    ])
  })

  it('is told when it went wrong, but not each time a rule is throttled', () => {
    observer.notice({ kind: 'throttled', rule: 'a', message: 'throttled' })
    observer.notice({ kind: 'action-cancelled', rule: 'a', message: 'a value of the topic is missing' })
    expect(shown()).toEqual(['          ! a: a value of the topic is missing'])
  })
})

it('a dead letter is shown with the rules that did not see it', () => {
  observer.deadLetter({
    broker: 'default',
    topic: 'in/json',
    payload: Buffer.from('{'),
    reason: 'syntax',
    message: 'The payload is no JSON',
    rules: ['one', 'two'],
    atMs: nowMs,
  })
  expect(shown()).toEqual([
    '15:20:40  in/json  ✗ The payload is no JSON',
    '          kept as a dead letter; not seen by one, two',
  ])
})

it('mail that is kept is shown as it would have been sent, up to a point', () => {
  const text = ['g1 is at 36 °C', '', ...Array.from({ length: 20 }, (_, index) => `line ${index}`)].join('\n')
  observer.kept({
    channel: 'email',
    delivery: 'd1',
    kind: 'firing',
    severity: 'critical',
    to: 'ops@example.com',
    subject: 'overheating',
    text,
  })
  const lines = shown()
  expect(lines.slice(0, 4)).toEqual([
    '15:20:40  ✉ email to ops@example.com, kept, not sent',
    '          overheating',
    '          │ g1 is at 36 °C',
    '          │ line 0',
  ])
  expect(lines).toHaveLength(15)
  expect(lines.at(-1)).toBe('          │ … (`tocsin inbox` shows all of it)')
})

it('a link that is down is told once, however often connecting fails, and again when it fails anew', () => {
  const down: LinkState = {
    state: 'offline',
    failure: {
      reason: 'connection-refused',
      message: 'Nothing answers at mqtt://localhost:1883',
      help: 'Is it running?',
    },
    retryInMs: 1000,
  }
  const up: LinkState = { state: 'online', sessionPresent: false, protocolVersion: 4 }
  const told = ['15:20:40  ● default: Nothing answers at mqtt://localhost:1883', '          Is it running?']
  for (let attempt = 0; attempt < 3; attempt++) observer.link('default', down)
  expect(shown()).toEqual(told)
  observer.link('default', up)
  expect(shown()).toEqual(['15:20:40  ● connected to default (MQTT 3.1.1)'])
  observer.link('default', down)
  expect(shown()).toEqual(told)
})

it('what is wrong, and what to do, goes on in the next line where others would be cut', () => {
  observer = observe({ columns: () => 50 })
  const failure = {
    reason: 'connection-refused' as const,
    message: 'Nothing listens at mqtt://hunter2@localhost:1883.',
    help: 'Check that the broker runs, and listens on port 1883 at this address.',
  }
  observer.link('default', { state: 'offline', failure, retryInMs: 1000 })
  observer.refused(publish('locked', 'x'.repeat(300)), 'the broker does not let this user publish there')
  const lines = shown()
  expect(lines).toEqual([
    '15:20:40  ● default: Nothing listens at',
    '            mqtt://•••@localhost:1883.',
    '          Check that the broker runs, and listens',
    '          on port 1883 at this address.',
    `          ✗ locked  ${'x'.repeat(30)}`,
    `            ${'x'.repeat(21)}…: the broker`,
    '            does not let this user publish there',
  ])
})

describe('when more comes than anybody reads', () => {
  it('40 lines a second are shown and the others counted; what people must know is always shown', () => {
    for (let index = 0; index < 100; index++) observer.decided(message('a', String(index)), [], [])
    observer.trouble({ kind: 'store', message: 'The disk is full.', help: 'Make room.' })
    const lines = shown()
    expect(lines).toHaveLength(42)
    expect(lines.slice(39)).toEqual([
      '15:20:40  a  39',
      '15:20:40  ! The disk is full.',
      '          Make room.',
    ])
    nowMs += 1000
    observer.decided(message('a', 'next'), [], [])
    expect(shown()).toEqual(['          … and 60 more lines', '15:20:41  a  next'])
  })
})
