/** `tocsin demo`: the rules of a directory on MQTT_URL's broker, or a built-in one, with a small simulated fleet. */
import type { BrokerDefinition } from '../../config/configuration.ts'
import { startFleet } from '../../tools/simulate/fleet.ts'
import { brokerOptions } from '../broker-options.ts'
import { type EmbeddedBrokers, startEmbeddedBrokers } from '../embedded-brokers.ts'
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
  const isBroker = wanted !== undefined && wanted !== ''
  const written: BrokerDefinition = { url: isBroker ? wanted : 'embedded', protocol: 'auto' }
  const loaded = load(directory, parts, surroundings, written)
  stderr.write(problemReport(loaded.problems, { colour: stderr.isTTY === true }))
  if (loaded.configuration === null) return 1
  const isFallback = loaded.configuration.brokers.get('default') === written
  let embedded: EmbeddedBrokers
  let fallbackBroker = written
  if (isFallback && !isBroker) {
    const here = await startHere(parts)
    fallbackBroker = { ...written, url: here.url }
    embedded = here
  } else {
    const started = await startEmbeddedBrokers(loaded.configuration.brokers, parts)
    if (!started.ok) {
      stderr.write(`${started.message}\nhelp: ${started.help}\n`)
      return 1
    }
    embedded = started.value
  }
  notes.push(...embedded.notes)
  if (isFallback && isBroker) notes.push('Broker: the one of MQTT_URL.')
  const configuration = isFallback
    ? { ...loaded.configuration, brokers: new Map([['default', fallbackBroker]]) }
    : loaded.configuration
  const presence = present(configuration, options.logLevel, parts, surroundings)
  for (const note of notes) presence.note(note)
  const service = new Service(
    configuration,
    {
      directory,
      fallbackBroker,
      // A broker that forgets everything and a store that does not would tell two stories.
      ...(embedded.notes.length === 0 ? {} : { storage: 'memory' }),
      inbox: 'all',
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
    await embedded.close()
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
  await embedded.close()
  presence.stopped()
  return 0
}

/** The built-in broker of a demo whose files name none: nobody but the demo knows where it listens. */
async function startHere(parts: Parts): Promise<EmbeddedBrokers & { readonly url: string }> {
  const { port, url, close } = await parts.startEmbeddedBroker({ port: mqttPort })
  return {
    url,
    close,
    notes: [
      ...(port === mqttPort ? [] : [`Port ${mqttPort} is taken.`]),
      `Built-in broker on 127.0.0.1:${port}. It keeps nothing, nor does the demo; set MQTT_URL to use your own.`,
      `Try: mosquitto_pub -p ${port} -t sensors/bench/temperature -m 41.5`,
    ],
  }
}
