/**
 * What the devices of a chaos run say, the rules that hear it, and which alerts must follow: every alert bears the
 * number of the message that caused it, so that lost, doubled and made-up alerts are told apart.
 */

export interface Reading {
  readonly topic: string
  readonly payload: string
  /** Keys of the alerts that must follow from it. */
  readonly alerts: readonly string[]
}

/** Every payload bears a number of its own. */
export const rules = `
rules:
  - id: plain
    topic: plain/+device
    when: payload.t > 35
    then: [{ publish: { topic: "alerts/plain/{{ device }}", payload: { key: "plain {{ payload.n }}" } } }]
  - id: edge
    topic: edge/+device
    when: payload.t > 35
    then: [{ publish: { topic: "alerts/edge/{{ device }}", payload: { key: "up {{ payload.n }}" } } }]
    resolved: [{ publish: { topic: "alerts/edge/{{ device }}", payload: { key: "down {{ payload.n }}" } } }]
  - id: count
    topic: count/+device
    window: { over: 6h }
    when: window.count % 10 == 0
    then: [{ publish: { topic: "alerts/count/{{ device }}", payload: { key: "count {{ payload.n }} {{ window.count }}" } } }]
  - id: hold
    topic: hold/+device
    when: payload.t > 35
    for: 200ms
    then: [{ publish: { topic: "alerts/hold/{{ device }}", payload: { key: "held {{ payload.n }}" } } }]
    resolved: [{ publish: { topic: "alerts/hold/{{ device }}", payload: { key: "freed {{ payload.n }}" } } }]
`

const plainDevices = 40
const edgeDevices = 20
/** A counting device speaks so often, then another takes its place: windows stay small. */
const countsPerDevice = 60
const countDevices = 10
const high = 40
const low = 20

/**
 * Half of the readings meet a rule without state, of which one in ten trips; three in ten a rule that acts on rises
 * and falls; one in five a rule that counts. The devices that hold are led by the run itself.
 */
export class Workload {
  #number = 0
  readonly #plainOnly: boolean
  readonly #edgeTurns = new Array<number>(edgeDevices).fill(0)
  readonly #countTurns = new Array<number>(countDevices).fill(0)

  /** `plainOnly`: nothing that depends on the order, for runs in which devices may have to send again. */
  constructor(plainOnly = false) {
    this.#plainOnly = plainOnly
  }

  next(): Reading {
    const n = this.#number
    if (this.#plainOnly) return this.#plain(n % plainDevices)
    const turn = n % 10
    if (turn < 5) return this.#plain(Math.floor(n / 10) % plainDevices)
    if (turn < 8) return this.#edge((Math.floor(n / 10) * 3 + turn) % edgeDevices)
    return this.#count((Math.floor(n / 10) * 2 + turn) % countDevices)
  }

  hold(device: number): Reading {
    const n = this.#number
    return this.#reading(`hold/h${device}`, high, [`held ${n}`])
  }

  free(device: number): Reading {
    const n = this.#number
    return this.#reading(`hold/h${device}`, low, [`freed ${n}`])
  }

  #plain(device: number): Reading {
    const n = this.#number
    const trips = (n * 7) % 10 === 3
    return this.#reading(`plain/p${device}`, trips ? high : low, trips ? [`plain ${n}`] : [])
  }

  /** Five readings above the limit, then five below. */
  #edge(device: number): Reading {
    const n = this.#number
    const turn = this.#edgeTurns[device]!++ % 10
    const alerts = turn === 0 ? [`up ${n}`] : turn === 5 ? [`down ${n}`] : []
    // The first of a device has to begin above: a fall without a rise tells nobody.
    return this.#reading(`edge/e${device}`, turn < 5 ? high : low, alerts)
  }

  #count(device: number): Reading {
    const n = this.#number
    const turn = this.#countTurns[device]!++
    const generation = Math.floor(turn / countsPerDevice)
    const count = (turn % countsPerDevice) + 1
    const alerts = count % 10 === 0 ? [`count ${n} ${count}`] : []
    return this.#reading(`count/c${device}-${generation}`, low, alerts)
  }

  #reading(topic: string, t: number, alerts: readonly string[]): Reading {
    const payload = JSON.stringify({ n: this.#number++, t })
    return { topic, payload, alerts }
  }
}
