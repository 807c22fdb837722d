/**
 * Runs a simulated fleet against a broker: every device connects with a will, says `online`, sends what the model
 * says at its time, and answers commands for its LED: the state retained on `devices/<id>/led`, an acknowledgement
 * on `devices/<id>/state` and where the command wants it.
 */
import { type BrokerOptions, resolveOptions } from '../../mqtt/connect-options.ts'
import { ProtocolChoice } from '../../mqtt/protocol-choice.ts'
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import { answerCommand, type Led } from './command.ts'
import { type AnswerPlace, DeviceLink, type DeviceMessage } from './device-link.ts'
import { createFleet, type FleetEvent, type FleetModel, type FleetPlan } from './fleet-model.ts'

export interface FleetOptions extends Omit<FleetPlan, 'startMs'> {
  /** Its client id is what the client ids of all devices begin with; its status topic is not used. */
  readonly broker: BrokerOptions
  /**
   * How many connections to make at most, 150 unless given. Further devices share them: such a connection has
   * one will, for the first of its devices.
   */
  readonly connections?: number | undefined
}

export interface FleetProgress {
  readonly devices: number
  /** Devices that are connected now. */
  readonly online: number
  /** Messages that the broker acknowledged; answers to commands are among them. */
  readonly sent: number
  /** Messages that were due but not sent: their device was not connected, or the broker was too slow. */
  readonly skipped: number
  /** Messages that were sent or waiting when their connection was lost, or when the fleet stopped. */
  readonly lost: number
  /** Messages that the broker refused. */
  readonly refused: number
  /** Commands that were answered. */
  readonly commands: number
  /** Connections that were made anew. */
  readonly reconnects: number
}

export interface FleetDeps {
  readonly clock: Clock
  /** From 0 to 1: spreads attempts to reconnect. */
  readonly random: () => number
  /** Every trouble once, until a device has connected again. */
  readonly onError: (failure: LinkFailure, device: string) => void
  /** Every second, also while there is no connection. */
  readonly onProgress?: ((progress: FleetProgress) => void) | undefined
}

export interface Fleet {
  /** From one reading of a device to its next. */
  readonly readingEveryMs: number
  readonly devices: readonly string[]
  readonly progress: FleetProgress
  /** Says `offline` for all and disconnects; resolves within 2 s. */
  stop(): Promise<void>
}

/** Below the 200 connections that the embedded broker takes. */
const connectionsUnlessGiven = 150
/** Devices that connect at the same time in the beginning. */
const connectingAtOnce = 20
/** Messages of the whole fleet that wait for their PUBACK; while it is reached nothing is sent. */
const pendingLimit = 2_000
/** Messages that are further behind their time than this are skipped. */
const lateMs = 1_000
/** Messages that are sent before other work gets its turn. */
const atATime = 500
const progressEveryMs = 1_000
const stopWithinMs = 1_500
/** Different troubles that are remembered as told. */
const toldLimit = 100

/**
 * Connects, and begins to send once every device has tried to connect and one has succeeded. Throws a TypeError
 * when the URL cannot be used, and a RangeError when the plan passes its limits.
 */
export function startFleet(options: FleetOptions, deps: FleetDeps): Fleet {
  return new RunningFleet(options, deps)
}

class RunningFleet implements Fleet {
  readonly #options: FleetOptions
  readonly #deps: FleetDeps
  readonly #links: readonly DeviceLink[]
  readonly #linkOf = new Map<string, DeviceLink>()
  readonly #leds = new Map<string, Led>()
  readonly #told = new Set<string>()
  #model: FleetModel
  #next: FleetEvent | null = null
  #unconnected: DeviceLink[]
  #skipped = 0
  #commands = 0
  #cancelPump: (() => void) | null = null
  #cancelProgress: (() => void) | null = null
  #full = false
  #stopped: Promise<void> | null = null

  constructor(options: FleetOptions, deps: FleetDeps) {
    this.#options = options
    this.#deps = deps
    this.#model = createFleet({ ...options, startMs: deps.clock.now() })
    const resolved = resolveOptions(options.broker)
    const choice = new ProtocolChoice(resolved.protocol)
    const { clock, random } = deps
    const shares = share(this.#model, options.connections ?? connectionsUnlessGiven)
    // No connection that is stuck takes up the room of all others.
    const waitingLimit = Math.ceil(pendingLimit / shares.length)
    this.#links = shares.map((devices) => {
      const clientId = `${resolved.clientId}-${devices[0]}`
      const link = new DeviceLink(
        devices,
        { options: { ...resolved, clientId }, choice, clock, random, waitingLimit },
        {
          changed: () => this.#changed(link),
          settled: () => {
            if (this.#full) this.#pump()
          },
          failed: (failure) => this.#tell(failure, devices[0] ?? ''),
          command: (device, payload, answerTo) => this.#obey(link, device, payload, answerTo),
        },
      )
      for (const device of devices) this.#linkOf.set(device, link)
      return link
    })
    this.#unconnected = [...this.#links]
    this.#connectMore()
    this.#report()
  }

  get readingEveryMs(): number {
    return this.#model.readingEveryMs
  }

  get devices(): readonly string[] {
    return this.#model.devices
  }

  get progress(): FleetProgress {
    const progress = { online: 0, sent: 0, lost: 0, refused: 0, reconnects: 0 }
    for (const { online, devices, counts } of this.#links) {
      if (online) progress.online += devices.length
      progress.sent += counts.sent
      progress.lost += counts.lost
      progress.refused += counts.refused
      progress.reconnects += Math.max(0, counts.connected - 1)
    }
    return { devices: this.devices.length, ...progress, skipped: this.#skipped, commands: this.#commands }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#cancelPump?.()
    this.#cancelProgress?.()
    this.#unconnected = []
    const { clock } = this.#deps
    // Breaking a connection off makes the broker say `offline` in its place.
    const cancel = clock.setTimer(clock.now() + stopWithinMs, () => {
      for (const link of this.#links) link.drop()
    })
    await Promise.all(this.#links.map((link) => link.stop()))
    cancel()
  }

  /** The first device finds out which version of MQTT the broker speaks; then many connect at once. */
  #connectMore(): void {
    const begun = this.#links.length - this.#unconnected.length
    const ended = this.#links.filter(({ attempted }) => attempted).length
    let room = (ended === 0 ? 1 : connectingAtOnce) - (begun - ended)
    for (; room > 0; room--) this.#unconnected.shift()?.connect()
  }

  #changed(link: DeviceLink): void {
    if (this.#stopped !== null) return
    if (link.online) this.#told.clear()
    if (this.#unconnected.length > 0) this.#connectMore()
    const begins = this.#next === null && this.#links.every(({ attempted }) => attempted)
    if (begins && this.#links.some(({ online }) => online)) this.#begin()
  }

  /** The story is told from the moment when it can be heard. */
  #begin(): void {
    this.#model = createFleet({ ...this.#options, startMs: this.#deps.clock.now() })
    this.#next = this.#model.next()
    this.#pump()
  }

  #report(): void {
    const { clock, onProgress } = this.#deps
    if (onProgress === undefined) return
    this.#cancelProgress = clock.setTimer(clock.now() + progressEveryMs, () => {
      onProgress(this.progress)
      this.#report()
    })
  }

  /** Does all that is due. Times are those of the plan, so that delays of timers do not add up. */
  #pump(): void {
    const { clock } = this.#deps
    this.#cancelPump?.()
    this.#cancelPump = null
    let next = this.#next
    if (next === null || this.#stopped !== null) return
    const nowMs = clock.now()
    let pending = this.#links.reduce((sum, link) => sum + link.pending, 0)
    if (nowMs - next.atMs > lateMs) next = this.#skipTo(nowMs, next)
    for (let done = 0; next.atMs <= nowMs && done < atATime && pending < pendingLimit; done++) {
      const link = 'device' in next ? this.#linkOf.get(next.device) : undefined
      if (next.kind === 'drop') link?.drop()
      else if (next.kind === 'return') link?.connect()
      else if (next.kind === 'message') {
        if (link?.publish(next) === true) pending++
        else this.#skipped++
      }
      next = this.#model.next()
    }
    this.#next = next
    this.#full = pending >= pendingLimit
    // When it is full, an acknowledgement or the end of a connection makes it go on.
    if (!this.#full) this.#cancelPump = clock.setTimer(next.atMs, () => this.#pump())
  }

  /** After a pause, of the broker or of the whole machine, the fleet goes on from the present. */
  #skipTo(nowMs: number, next: FleetEvent): FleetEvent {
    this.#skipped += this.#model.skipTo(nowMs) + (next.kind === 'message' ? 1 : 0)
    for (const device of this.#model.dropping) {
      const link = this.#linkOf.get(device)
      if (this.#model.connected(device, nowMs)) link?.connect()
      else link?.drop()
    }
    return this.#model.next()
  }

  #obey(link: DeviceLink, device: string, command: Uint8Array, answerTo: AnswerPlace | null): void {
    if (this.#stopped !== null || this.#model.silent(device, this.#deps.clock.now())) return
    const { led, payload, understood } = answerCommand(this.#leds.get(device) ?? 'OFF', command)
    this.#leds.set(device, led)
    const acknowledgement = { payload, qos: 1, retain: false } as const
    const messages: DeviceMessage[] = [{ ...acknowledgement, topic: `devices/${device}/state` }]
    // In this order: who hears the acknowledgement finds the new state.
    if (understood) messages.unshift({ topic: `devices/${device}/led`, payload: led, qos: 1, retain: true })
    if (answerTo !== null) messages.push({ ...acknowledgement, ...answerTo })
    if (messages.filter((message) => link.publish(message)).length === messages.length) this.#commands++
    else this.#skipped++
  }

  #tell(failure: LinkFailure, device: string): void {
    if (this.#stopped !== null || this.#told.has(failure.message)) return
    if (this.#told.size < toldLimit) this.#told.add(failure.message)
    this.#deps.onError(failure, device)
  }
}

/** Which devices share a connection. Those that will lose theirs have one of their own, as far as they go round. */
function share({ devices, dropping }: FleetModel, connections: number): readonly (readonly string[])[] {
  const alone = dropping.slice(0, Math.max(0, connections - 1))
  const rest = devices.filter((device) => !alone.includes(device))
  const count = Math.min(rest.length, Math.max(1, connections - alone.length))
  const shared = Array.from({ length: count }, (_, index) => rest.filter((_, at) => at % count === index))
  return [...shared, ...alone.map((device) => [device])]
}
