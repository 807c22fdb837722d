/** What stands below `sms:` in a receiver. */
import { z } from 'zod'
import { addProblem } from '../shared/schema-fields.ts'
import { phoneNumberFault, phoneNumberPattern } from './phone-number.ts'

const maxNumbers = 50

const phoneNumber = z
  .string()
  .meta({
    pattern: phoneNumberPattern.source,
    examples: ['+15550100'],
    description: 'A phone number: + and the country code first.',
  })
  .superRefine((text, context) => {
    const fault = phoneNumberFault(text)
    if (fault !== null) {
      addProblem(context, [], fault.message, fault.help)
    }
  })

export const smsTargetSchema = z
  .strictObject({
    to: z
      .array(phoneNumber)
      .min(1)
      .max(maxNumbers)
      .superRefine((numbers, context) => {
        numbers.forEach((number, index) => {
          if (numbers.indexOf(number) === index) return
          addProblem(
            context,
            [index],
            `the number \`${number.slice(0, 40)}\` is there twice`,
            'remove one of them',
          )
        })
      })
      .describe('Phone numbers, each in quotes: "+15550100".'),
  })
  .describe('Text messages to phones.')

export type SmsTarget = z.output<typeof smsTargetSchema>
