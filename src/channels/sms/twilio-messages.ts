/**
 * Twilio's own client for messages, with our transport below it. Only the parts that messages need are loaded, and
 * only when the first message is sent: the whole library takes twenty times as long and eight times the memory.
 */
import Domain from 'twilio/lib/base/Domain.js'
import Version from 'twilio/lib/base/Version.js'
import {
  MessageListInstance,
  type MessageListInstance as Messages,
} from 'twilio/lib/rest/api/v2010/account/message.js'
import type { TwilioAnswer, TwilioRequest } from './twilio-http.ts'

export type { Messages }

/** `request` gets every request that the client makes. */
export function twilioMessages(
  accountSid: string,
  request: (asked: TwilioRequest) => Promise<TwilioAnswer>,
): Messages {
  // The client's types name the classes of the whole library, of which it uses `request` and the version alone.
  const domain: unknown = Reflect.construct(classOf(Domain), [{ request }, 'https://api.twilio.com'])
  const version: unknown = Reflect.construct(classOf(Version), [domain, '2010-04-01'])
  const make: (version: never, accountSid: string) => Messages = MessageListInstance
  return make(version as never, accountSid)
}

/** These modules are CommonJS made of TypeScript: Node and bundlers differ in what they take for the default export. */
function classOf(module: unknown): new (...parameters: unknown[]) => unknown {
  const found: unknown =
    typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : module
  if (isClass(found)) return found
  throw new TypeError("Twilio's library is built otherwise than expected")
}

function isClass(value: unknown): value is new (...parameters: unknown[]) => unknown {
  return typeof value === 'function'
}
