/** Asks whether a Tocsin runs on this configuration, and what its rules have heard. */
import type { BrokerOptions } from '../../mqtt/connect-options.ts'
import type { Clock } from '../../ports/clock.ts'
import type { RuleView, Status } from '../../ports/control.ts'
import { connectRequester } from '../request/request.ts'

export type Running =
  | {
      readonly answers: true
      readonly broker: string
      readonly status: Status
      readonly rules: readonly RuleView[]
    }
  | { readonly answers: false }

const answerLimitMs = 2_000
/** So many rules are asked for at most. */
export const rulesListed = 2_000

/** `broker`: the name of the one where requests are listened to. */
export async function askRunning(
  broker: string,
  options: Omit<BrokerOptions, 'name' | 'clientId'>,
  clock: Clock,
): Promise<Running> {
  const connected = await connectRequester(options, { clock })
  if (!connected.ok) return { answers: false }
  const { requester } = connected
  try {
    const asked = await requester.ask('status', {}, { timeoutMs: answerLimitMs })
    if (!asked.ok) return { answers: false }
    const rules: RuleView[] = []
    let after: string | undefined
    while (rules.length < rulesListed) {
      const listed = await requester.ask('rules', { after }, { timeoutMs: answerLimitMs })
      if (!listed.ok) break
      rules.push(...listed.value.items)
      if (listed.value.next === null) break
      after = listed.value.next
    }
    return { answers: true, broker, status: asked.value, rules }
  } finally {
    await requester.close()
  }
}
