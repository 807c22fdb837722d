/** `tocsin run DIR`: the production form. What could not work is refused before it starts; nothing is simulated. */
import type { Configuration } from '../../config/configuration.ts'
import { asSentence, type LocatedProblem } from '../../config/locate.ts'
import { undeliverable } from '../../config/undeliverable.ts'
import type { InboxUse } from '../alerting.ts'
import { startEmbeddedBrokers } from '../embedded-brokers.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { present } from '../presence.ts'
import { problemReport } from '../problem-report.ts'
import { load, Service } from '../service.ts'

export async function run(
  directory: string,
  options: { readonly logLevel: string; readonly demo?: boolean },
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stderr } = surroundings
  const { problems, configuration } = load(directory, parts, surroundings)
  stderr.write(problemReport(problems, { colour: stderr.isTTY === true }))
  if (configuration === null) return 1
  const inbox = options.demo === true ? 'missing' : 'written'
  const refusals = refused(directory, configuration, parts, inbox)
  if (refusals.length > 0) {
    stderr.write(problemReport(refusals, { colour: stderr.isTTY === true }))
    return 1
  }
  const presence = present(configuration, options.logLevel, parts, surroundings)
  const embedded = await startEmbeddedBrokers(configuration.brokers, parts)
  if (!embedded.ok) {
    presence.failed(embedded)
    return 1
  }
  for (const note of embedded.value.notes) presence.note(note)
  const service = new Service(
    configuration,
    { directory, inbox, observer: () => presence.observer, reloaded: presence.reloaded },
    parts,
    surroundings,
  )
  presence.started(directory, configuration)
  const failure = await service.start()
  if (failure !== null) {
    presence.failed(failure)
    await embedded.value.close()
    return 1
  }
  const signal = await surroundings.stopRequested()
  presence.stopping(signal)
  await service.stop()
  await embedded.value.close()
  presence.stopped()
  return 0
}

/** What `check` lets pass, because rules can be checked without it. */
function refused(
  directory: string,
  configuration: Configuration,
  parts: Parts,
  inbox: InboxUse,
): LocatedProblem[] {
  const problem = (code: LocatedProblem['code'], message: string, help: string): LocatedProblem => ({
    code,
    message: asSentence(message),
    help: asSentence(help),
    severity: 'error',
    path: [],
    file: directory,
    line: 1,
    column: 1,
    frame: '',
  })
  const refusals: LocatedProblem[] = []
  if (configuration.brokers.size === 0) {
    const help =
      'add `brokers: { default: { url: "mqtt://localhost:1883" } }` to a file there, or try `tocsin demo`, ' +
      'which brings a broker of its own'
    refusals.push(problem('config-no-broker', `No broker is configured in ${directory}`, help))
  }
  const unreachable = inbox === 'missing' ? [] : undeliverable(configuration, parts.channels)
  for (const { receiver, why, help } of unreachable) {
    refusals.push(
      problem('receiver-undeliverable', `the receiver \`${receiver}\` cannot be reached: ${why}`, help),
    )
  }
  return refusals
}
