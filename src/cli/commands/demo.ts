/** `tocsin demo`: the rules of a directory on MQTT_URL's broker, or a built-in one, with a small simulated fleet. */
import type { BrokerDefinition } from '../../config/configuration.ts'
import { startFleet } from '../../tools/simulate/fleet.ts'
import { brokerOptions } from '../broker-options.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'
import { present } from '../presence.ts'
import { problemReport } from '../problem-report.ts'
import { load, Service } from '../service.ts'

/** Where MQTT brokers listen. */
const mqttPort = 1883
const devices = 4
const readingsPerSecond = 4

export async function demo(
  directory: string,
  options: { readonly simulate: boolean; readonly logLevel: string },
  parts: Parts,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { env, stderr } = surroundings
  const notes: string[] = []
  const wanted = env.MQTT_URL
  const embedded =
    wanted === undefined || wanted === '' ? await parts.startEmbeddedBroker({ port: mqttPort }) : null
  const url = embedded?.url ?? wanted ?? ''
  if (embedded === null) notes.push('Broker: the one of MQTT_URL.')
  else {
    if (embedded.port !== mqttPort) notes.push(`Port ${mqttPort} is taken.`)
    notes.push(
      `Built-in broker on 127.0.0.1:${embedded.port}. It keeps nothing, nor does the demo; set MQTT_URL to use your own.`,
    )
    notes.push(`Try: mosquitto_pub -p ${embedded.port} -t sensors/bench/temperature -m 41.5`)
  }
  const fallbackBroker: BrokerDefinition = { url, protocol: 'auto' }
  const { problems, configuration } = load(directory, parts, surroundings, fallbackBroker)
  stderr.write(problemReport(problems, { colour: stderr.isTTY === true }))
  if (configuration === null) {
    await embedded?.close()
    return 1
  }
  const presence = present(configuration, options.logLevel, parts, surroundings)
  for (const note of notes) presence.note(note)
  const service = new Service(
    configuration,
    {
      directory,
      fallbackBroker,
      // A broker that forgets everything and a store that does not would tell two stories.
      ...(embedded === null ? {} : { storage: 'memory' }),
      observer: () => presence.observer,
      reloaded: presence.reloaded,
    },
    parts,
    surroundings,
  )
  if (options.simulate)
    presence.note(`${devices} simulated devices send readings; --no-simulate turns them off.`)
  presence.started(directory, configuration)
  const failure = await service.start()
  if (failure !== null) {
    presence.failed(failure)
    await embedded?.close()
    return 1
  }
  const home = configuration.brokers.get('default') ?? fallbackBroker
  const fleet = options.simulate
    ? startFleet(
        {
          broker: { ...brokerOptions('fleet', { ...home, clientId: 'tocsin-demo' }) },
          devices,
          ratePerSecond: readingsPerSecond,
          scenario: 'mixed',
          seed: 1,
        },
        {
          clock: parts.clock,
          random: Math.random,
          onError: ({ message }, device) => presence.note(`simulated device ${device}: ${message}`),
        },
      )
    : null
  const signal = await surroundings.stopRequested()
  presence.stopping(signal)
  await fleet?.stop()
  await service.stop()
  await embedded?.close()
  presence.stopped()
  return 0
}
