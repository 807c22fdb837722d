/** Phone numbers as the world writes them (E.164), and what is wrong with those written otherwise. */

/** `+`, the country code, and the number: 7 to 15 digits, nothing between them. */
export const phoneNumberPattern = /^\+[1-9]\d{6,14}$/

/** What is wrong and what to write instead; null when the text is a number in E.164. */
export function phoneNumberFault(text: string): { readonly message: string; readonly help: string } | null {
  if (phoneNumberPattern.test(text)) return null
  const shown = `\`${text.slice(0, 40)}\``
  const form = 'write + and the country code, then the number without blanks: "+15550100"'
  if (/^[a-z]+:/i.test(text)) {
    return { message: `${shown} is not a phone number`, help: 'write only the number: "+15550100"' }
  }
  // The 0 in brackets is dialled inside the country only.
  const digits = text.replace(/\(0\)/g, '').replace(/[\s().\-/\u00a0\u2010-\u2015]/g, '')
  if (!/^\+?\d+$/.test(digits)) return { message: `${shown} is not a phone number`, help: form }
  if (/^\+0/.test(digits)) return { message: `no country code begins with 0: ${shown}`, help: form }
  const international = digits.replace(/^00/, '+')
  if (phoneNumberPattern.test(international)) {
    const why = digits.startsWith('00')
      ? 'begins with 00 instead of +'
      : 'has blanks or signs between its digits'
    return { message: `the number ${shown} ${why}`, help: `write "${international}"` }
  }
  if (digits.startsWith('0')) {
    return {
      message: `the number ${shown} has no country code`,
      help: `replace the first 0 by + and the country code, for example "+49${digits.slice(1)}" in Germany`,
    }
  }
  const count = digits.replace('+', '').length
  if (count < 7 || count > 15) {
    return {
      message: `the number ${shown} has ${count} digit${count === 1 ? '' : 's'}; a number has 7 to 15 with its country code`,
      help: form,
    }
  }
  return {
    message: `the number ${shown} does not begin with +`,
    help: `write "+${digits}", if it begins with the country code`,
  }
}
