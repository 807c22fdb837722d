/** `tocsin run DIR`: the production form. No broker configured is an error; nothing is simulated. */
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
  if (configuration.brokers.size === 0) {
    stderr.write(
      `No broker is configured in ${directory}.\n` +
        `help: add \`brokers: { default: { url: "mqtt://localhost:1883" } }\` to a file there, ` +
        `or try \`tocsin demo\`, which brings a broker of its own.\n`,
    )
    return 1
  }
  const presence = present(configuration, options.logLevel, parts, surroundings)
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
    return 1
  }
  const signal = await surroundings.stopRequested()
  presence.stopping(signal)
  await service.stop()
  presence.stopped()
  return 0
}
