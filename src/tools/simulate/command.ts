/** How a simulated device answers a command for its LED. */

export type Led = 'ON' | 'OFF'

export interface CommandAnswer {
  /** How the LED is afterwards. */
  readonly led: Led
  /** JSON: `{"led":"ON","id":"7"}`, or `{"error":"…","id":"7"}` for what it did not understand. */
  readonly payload: string
  /** False for what changes nothing. */
  readonly understood: boolean
}

const commandLimitBytes = 4_096
const idLimitCharacters = 200

/** Takes `{"led": "ON", "id": "7"}` (the id may be left out) or just `ON`, and the same with `OFF`. */
export function answerCommand(led: Led, payload: Uint8Array): CommandAnswer {
  if (payload.length > commandLimitBytes) return refusal(led, {})
  const text = Buffer.from(payload).toString()
  const command = parse(text) ?? { led: text.trim() }
  const id = 'id' in command && isId(command.id) ? { id: command.id } : {}
  const wanted = 'led' in command && typeof command.led === 'string' ? command.led.toUpperCase() : ''
  if (wanted !== 'ON' && wanted !== 'OFF') return refusal(led, id)
  return { led: wanted, payload: JSON.stringify({ led: wanted, ...id }), understood: true }
}

function refusal(led: Led, id: object): CommandAnswer {
  const error = 'expected {"led": "ON"} or {"led": "OFF"}'
  return { led, payload: JSON.stringify({ error, ...id }), understood: false }
}

function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

function isId(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= idLimitCharacters)
}
