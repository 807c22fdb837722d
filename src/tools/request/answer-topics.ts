/** The topics on which one connection hears answers: those asked for at once are subscribed together. */
import type { MqttClient } from 'mqtt'

/** Some brokers (AWS IoT Core) take no more filters in one packet. */
const batchFilters = 8

interface Wanted {
  readonly topic: string
  granted(reasonCode: number): void
}

export class AnswerTopics {
  readonly #client: MqttClient
  #wanted: Wanted[] = []
  #unwanted: string[] = []
  #scheduled = false

  constructor(client: MqttClient) {
    this.#client = client
  }

  /** `granted`: what the broker says to it (3.9.3); 0x80 and more is a refusal. Not called when the connection ends. */
  hear(topic: string, granted: (reasonCode: number) => void): void {
    this.#wanted.push({ topic, granted })
    this.#schedule()
  }

  leave(topic: string): void {
    this.#unwanted.push(topic)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const [wanted, unwanted] = [this.#wanted, this.#unwanted]
    this.#wanted = []
    this.#unwanted = []
    for (let at = 0; at < wanted.length; at += batchFilters) {
      const batch = wanted.slice(at, at + batchFilters)
      const topics = batch.map(({ topic }) => topic)
      this.#client.subscribe(topics, { qos: 1 }, (_error, _sent, suback) => {
        for (const [index, { granted }] of batch.entries()) {
          const code = suback?.granted[index]
          if (typeof code === 'number') granted(code)
        }
      })
    }
    for (let at = 0; at < unwanted.length; at += batchFilters) {
      this.#client.unsubscribe(unwanted.slice(at, at + batchFilters))
    }
  }
}
