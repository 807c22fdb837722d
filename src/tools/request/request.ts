/** Asks a running Tocsin over MQTT what it can be asked. */
import type { LinkFailure } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Answered } from './answered.ts'
import { readAnswer } from './read-answer.ts'
import { type AskOptions, connectTo, type RequesterOptions } from './requester.ts'
import type { Requests } from './requests.ts'

export interface TocsinRequester {
  /** Where it is connected to, without secrets. */
  readonly url: string
  /** Never rejects. May be called many times at once. */
  ask<V extends keyof Requests>(
    verb: V,
    input: Requests[V]['input'],
    options?: AskOptions,
  ): Promise<Answered<Requests[V]['answer']>>
  /** Ends the connection, and what is still asked with `closed`. */
  close(): Promise<void>
}

export type TocsinConnected =
  | { readonly ok: true; readonly requester: TocsinRequester }
  | { readonly ok: false; readonly failure: LinkFailure }

/** As for a running Tocsin, but with a random client id. When the link is lost it is made anew. */
export async function connectRequester(
  options: Omit<RequesterOptions, 'clientId'>,
  { clock }: { readonly clock: Clock },
): Promise<TocsinConnected> {
  const connected = await connectTo(options, clock)
  if (!connected.ok) return connected
  const { requester } = connected
  return {
    ok: true,
    requester: {
      url: requester.url,
      async ask<V extends keyof Requests>(verb: V, input: Requests[V]['input'], asking?: AskOptions) {
        const asked = await requester.ask(`tocsin/request/${verb}`, JSON.stringify(input), asking)
        if (!asked.ok) {
          const nobody = { ...asked.error, message: 'No Tocsin listens to requests on this broker.' }
          return asked.error.code === 'nobody-listens' ? { ok: false, error: nobody } : asked
        }
        // What the answer holds is Tocsin's promise: the types say what that is.
        return readAnswer(asked.value.json) as Answered<Requests[V]['answer']>
      },
      close: () => requester.close(),
    },
  }
}
