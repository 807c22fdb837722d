/** What a rule would do, in one line. */
import type { Effect } from '../../core/effect.ts'
import { jsonText } from '../../core/json-text.ts'
import { durationText } from '../../core/templates/duration-text.ts'
import type { Would } from './describe.ts'
import { payloadText } from './payload-text.ts'

/** Nothing in it is checked for what a terminal would act upon, but the payload. */
export function wouldText(would: Would): string {
  switch (would.kind) {
    case 'effect':
      return effectText(would.effect)
    case 'notify':
      return `would notify ${would.receivers.join(', ')}: ${would.title}`
    case 'alert': {
      const policy = would.policy === 'none' ? 'policy: none' : `policy ${would.policy}`
      if (would.change === 'ended') return `would resolve the alert (${policy})`
      const begins = would.change === 'pending' ? 'alert pending' : 'would raise the alert'
      return `${begins}, ${would.severity ?? ''} (${policy}): ${would.summary ?? ''}`
    }
    case 'command': {
      const { topic, broker, payload, ackTopic, withinMs, attempts } = would
      const again = attempts > 1 ? `, ${attempts} times at most` : ''
      return `would command ${topic}${at(broker)}: ${jsonText(payload)} (waits ${durationText(withinMs)} for ${ackTopic}${again})`
    }
    case 'cannot':
      return `could not: ${would.message}`
  }
}

const at = (broker: string): string => (broker === 'default' ? '' : ` at ${broker}`)

function effectText(effect: Effect): string {
  if (effect.kind === 'log') return `would log to ${effect.file}: ${effect.values.map(jsonText).join(', ')}`
  const { topic, payload, retain, qos } = effect.message
  const what = { publish: 'publish to', respond: 'answer on', forward: 'forward to', command: 'command' }
  const how = [...(qos === 1 ? [] : [`QoS ${qos}`]), ...(retain ? ['retained'] : [])].join(', ')
  return `would ${what[effect.via?.kind ?? 'publish']} ${topic}${at(effect.broker)}: ${payloadText(payload)}${how === '' ? '' : ` (${how})`}`
}
