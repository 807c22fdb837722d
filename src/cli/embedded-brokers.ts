/** Starts the built-in broker where a configuration asks for it with `url: embedded`. */
import type { BrokerDefinition } from '../config/configuration.ts'
import { embeddedPort } from '../config/sections/broker.ts'
import type { Parts } from './parts.ts'

export interface EmbeddedBrokers {
  /** For people: that it listens, and what it does not do. */
  readonly notes: readonly string[]
  close(): Promise<void>
}

type Started =
  | { readonly ok: true; readonly value: EmbeddedBrokers }
  | { readonly ok: false; readonly message: string; readonly help: string }

/** On loopback alone, and on no other port than the wanted one: devices know where it is. */
export async function startEmbeddedBrokers(
  brokers: ReadonlyMap<string, BrokerDefinition>,
  { startEmbeddedBroker }: Pick<Parts, 'startEmbeddedBroker'>,
): Promise<Started> {
  const ports = [...brokers.values()].map(({ url }) => embeddedPort(url)).filter((port) => port !== null)
  const running: { close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all(running.map((broker) => broker.close()))
  }
  for (const port of new Set(ports)) {
    try {
      const started = await startEmbeddedBroker({ port })
      running.push(started)
      if (started.port !== port) throw new Error('the port is taken')
    } catch (error) {
      await close()
      const reason = error instanceof Error ? error.message : String(error)
      return {
        ok: false,
        message: `The built-in broker cannot listen on 127.0.0.1:${port}: ${reason}.`,
        help: `If a broker runs there already, use it: url: mqtt://localhost:${port}. Else name a free port: url: embedded:${port + 1}.`,
      }
    }
  }
  const notes = [...new Set(ports)].map(
    (port) =>
      `Built-in broker on 127.0.0.1:${port}, for programs on this machine, without passwords. It keeps its sessions in memory: what waits in it is lost when Tocsin stops.`,
  )
  return { ok: true, value: { notes, close } }
}
