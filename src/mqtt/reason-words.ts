/** Reason codes of MQTT 5 (2.4) in words that follow "the broker refused it:". */

const words: Readonly<Record<number, string>> = {
  128: 'it gave no reason',
  131: 'for a reason of its own',
  135: 'not authorised',
  143: 'the topic filter is not valid for this broker',
  144: 'the topic name is not valid for this broker',
  145: 'the packet identifier is in use',
  149: 'the packet is too large',
  151: 'a quota is exceeded',
  153: 'the payload does not have the announced format',
  158: 'shared subscriptions are not supported',
  161: 'subscription identifiers are not supported',
  162: 'wildcard subscriptions are not supported',
}

export function reasonWords(code: number): string {
  return words[code] ?? `reason code 0x${code.toString(16)}`
}
