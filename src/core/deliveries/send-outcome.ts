/** What became of one attempt, as channels tell it. */

export type SendFailureReason =
  | 'refused'
  | 'bad-recipient'
  | 'bad-credentials'
  | 'unreachable'
  | 'rate-limited'
  | 'server-error'
  | 'timeout'
  | 'tls'
  | 'not-allowed'
  | 'too-large'

export type SendOutcome =
  | {
      readonly ok: true
      /** The provider's name for it, to ask about it or to recognise its callbacks. */
      readonly providerId: string | null
      readonly state: 'sent' | 'delivered'
      /** Segments of an SMS, for caps. */
      readonly units?: number
    }
  | {
      readonly ok: false
      /** permanent: never. temporary: try again later. ambiguous: it may have been sent: ask, else try once more. */
      readonly kind: 'permanent' | 'temporary' | 'ambiguous'
      readonly reason: SendFailureReason
      /** In words with a next step; never a secret. */
      readonly message: string
      readonly retryAfterMs?: number
    }
