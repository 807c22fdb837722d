/** `tocsin run DIR`: the production form. What could not work is refused before it starts; nothing is simulated. */
import type { Configuration } from '../../config/configuration.ts'
import { asSentence, type LocatedProblem } from '../../config/locate.ts'
import { undeliverable } from '../../config/undeliverable.ts'
import { startEmbeddedBrokers } from '../embedded-brokers.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { present } from '../presence.ts'
import { problemReport } from '../problem-report.ts'
import { load, Service } from '../service.ts'

export async function run(
  directory: string,
  options: { readonly logLevel: string },
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stderr } = surroundings
  const { problems, configuration } = load(directory, parts, surroundings)
  stderr.write(problemReport(problems, { colour: stderr.isTTY === true }))
  if (configuration === null) return 1
  const refusals = refused(directory, configuration, parts)
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
    { directory, observer: () => presence.observer, reloaded: presence.reloaded },
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
function refused(directory: string, configuration: Configuration, parts: Parts): LocatedProblem[] {
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
  for (const { receiver, why, help } of undeliverable(configuration, parts.channels)) {
    refusals.push(
      problem('receiver-undeliverable', `the receiver \`${receiver}\` cannot be reached: ${why}`, help),
    )
  }
  return refusals
}
