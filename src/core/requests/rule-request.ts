/** What a message that a rule answers says of itself as a request: its id, and where the answer goes. */
import { isPlainObject } from '../conditions/logic.ts'
import type { MessageProperties } from '../message.ts'
import { type FoundPlace, findPlace, idFault, isRequestId, type MayAnswer } from './answer-place.ts'

/** Fields of a JSON request that hold its id; the first that is there counts. */
const idFields = ['request_id', 'transaction'] as const

export interface RuleRequest {
  readonly found: FoundPlace
  /** Null when the payload names none, or one that cannot be used. */
  readonly id: { readonly field: (typeof idFields)[number]; readonly value: string } | null
  /** What is wrong with the id, for the requester; null when nothing is. */
  readonly fault: string | null
}

/** `topic`: on which it came. `payload`: decoded; anything but an object has no id. */
export function readRuleRequest(
  topic: string | undefined,
  properties: MessageProperties | null,
  payload: unknown,
  mayAnswer: MayAnswer,
): RuleRequest {
  const fields = isPlainObject(payload) ? payload : {}
  const field = idFields.find((name) => Object.hasOwn(fields, name))
  const value = field === undefined ? undefined : fields[field]
  const id = field !== undefined && isRequestId(value) ? { field, value } : null
  const fault = field === undefined || id !== null ? null : idFault(field)
  const found = findPlace(properties, id?.value ?? null, mayAnswer)
  // Else a rule that hears answers would answer its own, without end.
  const isAnswer = found.kind === 'place' && found.place.topic === topic
  return isAnswer ? { found: { kind: 'nowhere' }, id, fault: itself } : { found, id, fault }
}

const itself = 'it came on the topic that its answer would go to, so it is an answer itself'
