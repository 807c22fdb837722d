/** The payload of a request: the JSON text of the user, with the id of the request in it if there is a place for it. */

export type RequestBody =
  | {
      readonly ok: true
      /** Whether it is a JSON object, so that the id is in it. */
      readonly named: boolean
      readonly text: string
    }
  | { readonly ok: false; readonly message: string }

/** `json`: JSON text. Its numbers and order stay as they were written. */
export function requestBody(json: string, id: string): RequestBody {
  const text = json.trim()
  const value = parseJson(text)
  if (value === undefined) return { ok: false, message: 'What is to be asked is no JSON.' }
  if (!text.startsWith('{')) return { ok: true, named: false, text }
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'request_id'))
    return { ok: false, message: 'Leave out request_id: every request is given one of its own.' }
  const rest = text.slice(1).trimStart()
  return { ok: true, named: true, text: `{"request_id":"${id}"${rest.startsWith('}') ? '' : ','}${rest}` }
}

/** Undefined when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
