/** Tocsin between real brokers, in this process: rules as in a file, everything that it told, and plain clients on both sides. */
import mqtt, { type IClientPublishOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { actions } from '../../../src/actions/index.ts'
import { brokerOptions } from '../../../src/cli/broker-options.ts'
import { problemReport } from '../../../src/cli/problem-report.ts'
import { programOf } from '../../../src/cli/service.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { keepLinkName } from '../../../src/core/link.ts'
import type { DeadLetter, Notice } from '../../../src/core/outcome.ts'
import { decoders } from '../../../src/decoders/index.ts'
import { Engine } from '../../../src/engine/engine.ts'
import { createBroker } from '../../../src/mqtt/index.ts'
import type { LinkState } from '../../../src/ports/broker.ts'
import type { Trouble } from '../../../src/ports/observer.ts'
import { createStore } from '../../../src/stores/index.ts'
import { realClock } from '../../support/real-clock.ts'
import { makeDirectory } from '../../support/tocsin.ts'
import { Inbox } from '../../support/wait-for.ts'

export interface Bridge {
  readonly engine: Engine
  readonly notices: Inbox<Notice>
  readonly deadLetters: Inbox<DeadLetter>
  readonly troubles: Inbox<Trouble>
  readonly links: Inbox<{ readonly broker: string; readonly state: LinkState }>
  /** Names of links that have been subscribed. */
  readonly subscribed: Inbox<string>
  edit(yaml: string): Promise<void>
  stop(): Promise<void>
}

/** Runs the rules, without looking for loops in them. */
export async function openBridge(yaml: string, storage = 'memory'): Promise<Bridge> {
  const load = (text: string) => {
    const directory = makeDirectory({ 'rules.yaml': text })
    const { configuration, problems } = loadConfiguration(directory.path, {
      env: {},
      actions,
      decoders,
      zone: 'UTC',
    })
    directory.remove()
    if (configuration === null) throw new Error(problemReport(problems, { colour: false }))
    return { configuration, program: programOf(configuration, { decoders }) }
  }
  const { configuration, program } = load(yaml)
  const connect = (options: Parameters<typeof createBroker>[0]) => ({
    broker: createBroker(
      { ...options, reconnect: { minMs: 50, maxMs: 200, jitter: 0 } },
      { clock: realClock, random: () => 0 },
    ),
    clientId: options.clientId,
  })
  const notices = new Inbox<Notice>()
  const deadLetters = new Inbox<DeadLetter>()
  const troubles = new Inbox<Trouble>()
  const links = new Inbox<{ readonly broker: string; readonly state: LinkState }>()
  const subscribed = new Inbox<string>()
  const engine = new Engine({
    program,
    brokers: [...configuration.brokers].map(([name, definition]) => {
      const options = { ...brokerOptions(name, definition), statusTopic: null }
      const beside = { name: keepLinkName(name), clientId: `${options.clientId}-keep` }
      return { ...connect(options), makeKeeper: () => connect({ ...options, ...beside }) }
    }),
    store: createStore(storage),
    clock: realClock,
    wallNow: Date.now,
    log: { name: 'log', ready: () => true, deliver: async () => ({ ok: true }) },
    heartbeatMs: null,
    observer: {
      watchesDecisions: false,
      decided: () => {},
      transition: () => {},
      notice: (notice) => notices.put(notice),
      deadLetter: (letter) => deadLetters.put(letter),
      carriedOut: () => {},
      refused: () => {},
      kept: () => {},
      link: (broker, state) => links.put({ broker, state }),
      subscribed: (broker) => subscribed.put(broker),
      trouble: (trouble) => troubles.put(trouble),
    },
  })
  const failure = await engine.start()
  if (failure !== null) throw new Error(failure.message)
  const bridge: Bridge = {
    engine,
    notices,
    deadLetters,
    troubles,
    links,
    subscribed,
    edit: (text) => engine.reload(load(text).program),
    stop: () => engine.stop(2_000),
  }
  return bridge
}

/** Resolves when it hears from these brokers and can send to them. */
export async function connected(bridge: Bridge, ...names: string[]): Promise<void> {
  const text = `${names.join(', ')} to be subscribed; ${bridge.troubles.items.map(({ message }) => message)}`
  await bridge.subscribed.until(text, (all) => names.every((name) => all.includes(name)))
}

export interface Client {
  readonly heard: Inbox<IPublishPacket>
  readonly mqtt: MqttClient
  publish(topic: string, payload: string | Buffer, options?: IClientPublishOptions): Promise<void>
  /** The first message, old or new, on this topic. */
  message(topic: string): Promise<IPublishPacket>
  end(): Promise<void>
}

/** A plain client that hears everything below the filter, with its properties. */
export async function openClient(
  url: string,
  filter: string,
  options: mqtt.IClientOptions = {},
): Promise<Client> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 50, ...options })
  const heard = new Inbox<IPublishPacket>()
  client.on('message', (_topic, _payload, packet) => heard.put(packet))
  await client.subscribeAsync(filter, { qos: 1 })
  return {
    heard,
    mqtt: client,
    async publish(topic, payload, more = {}) {
      await client.publishAsync(topic, payload, { qos: 1, ...more })
    },
    message: (topic) => heard.first(`a message on ${topic}`, (one) => one.topic === topic),
    end: () => client.endAsync(true),
  }
}
