/** One broker, step by step as a message would go; what an earlier step makes impossible is skipped, with the reason. */
import type { Finding, Section, Tell } from '../finding.ts'
import type { BrokerWorld } from './broker-world.ts'
import { checkClientId } from './client-id.ts'
import { checkFilters, listed } from './filters.ts'
import { checkLogin } from './login.ts'
import { checkOwnTopic } from './own-topic.ts'
import { checkQueue } from './queue.ts'
import { checkSoftware } from './software.ts'
import { checkWay } from './way.ts'

export function brokerSection(world: BrokerWorld): Section {
  const { shown } = world.settings.endpoint
  return { title: `Broker ${world.name} (${shown})`, run: (tell) => examine(world, tell) }
}

/** What a broker that cannot be talked to leaves untried. */
const afterLogin = ['publish', 'round trip', 'software', 'client id', 'subscribe', 'messages']

async function examine(world: BrokerWorld, tell: Tell): Promise<void> {
  const skip = (checks: readonly string[], why: string) => {
    for (const check of checks) tell({ check, state: 'skipped', what: why })
  }
  const way = await checkWay(world, tell)
  if (way === null) return skip(['login', ...afterLogin], 'Not tried: the broker cannot be reached.')
  const login = await checkLogin(world, tell)
  if (login === null) return skip(afterLogin, 'Not tried: the broker did not let us in.')
  const own = await checkOwnTopic(world, login, way, tell)
  tellTargets(world, tell)
  await checkSoftware(world, { version: own.software, addresses: way.addresses }, tell)
  if (world.thorough) await checkQueue(world, login, own.roundTrip, tell)
  // Both mostly wait: at the same time, and told one after the other.
  const later: Finding[] = []
  const filters = checkFilters(world, login, (finding) => later.push(finding))
  await checkClientId(world, login, own.status, tell)
  await filters
  for (const finding of later) tell(finding)
}

/** Where rules publish is not tried: it would reach people's devices. */
function tellTargets({ targets }: BrokerWorld, tell: Tell): void {
  if (targets.length === 0) return
  const quoted = targets.map((filter) => `"${filter}"`)
  tell({
    check: 'targets',
    state: 'skipped',
    what: `Not tried, as it would reach devices: where rules publish, ${listed(quoted)}.`,
    next: 'Make sure that the access list of the broker allows them.',
  })
}
