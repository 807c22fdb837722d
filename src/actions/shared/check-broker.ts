/** Whether the broker that an action names is there. */
import { type Problem, problem } from '../../core/problem.ts'
import type { ActionContext } from '../../ports/action.ts'

export function checkBroker(broker: string, { brokers }: ActionContext): Problem[] {
  if (brokers.has(broker)) return []
  return [
    problem('rule-unknown-broker', ['broker'], `There is no broker called ${JSON.stringify(broker)}`, {
      help: `Write one of: ${[...brokers].join(', ')}; or add it below \`brokers\`.`,
    }),
  ]
}
