import { expect, test } from 'vitest'
import { parseFilter } from '../../../src/core/topics/filter.ts'
import { nearMiss } from '../../../src/tools/doctor/near-miss.ts'

test.each([
  ['sensors/+device/data', 'Sensors/g1/data', 'They differ in upper and lower case, which MQTT tells apart.'],
  ['sensors/+device/data', '/sensors/g1/data', 'The topic begins with a slash, the rule does not.'],
  ['/sensors/+device/data', 'sensors/g1/data', 'The rule begins with a slash, the topic does not.'],
  ['sensors/+device/data', 'sensors/g1/data/', 'The topic ends with a slash, the rule does not.'],
  ['sensors/+device/data', 'sensor/g1/data', 'The rule says "sensors" where the topic has "sensor".'],
  [
    'sensors/+device/temperature',
    'sensors/g1/temprature',
    'The rule says "temperature" where the topic has "temprature".',
  ],
  ['sensors/+device/data', 'sensors/hall/g1/data', 'The topic has one level more than the rule: "hall".'],
  ['sensors/+site/+device/data', 'sensors/g1/data', 'The topic has one level less than the rule.'],
  ['plant/sensors/#', 'sensors/g1/data', 'The topic has one level less than the rule.'],
])('a rule on %s, a message on %s', (filter, topic, why) => {
  const parsed = parseFilter(filter)
  if (!parsed.ok) throw new Error(filter)
  expect(nearMiss(parsed.value, ['quite/another/topic/of/somebody', topic])).toEqual({ topic, why })
})

test.each([
  ['sensors/g1/data', 'sensors/g2/data'],
  ['sensors/+device/data', 'doors/d1/state'],
  ['sensors/+device/data', 'sensors/g1/status'],
  ['+a/+b', 'x/y/z'],
  ['#', '$SYS/broker/version'],
  ['site1/commands/#rest', 'site1/sensors/g1/temperature'],
])('a rule on %s was not meant for %s', (filter, topic) => {
  const parsed = parseFilter(filter)
  if (!parsed.ok) throw new Error(filter)
  expect(nearMiss(parsed.value, [topic])).toBeNull()
})
