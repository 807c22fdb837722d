/** What can be written below `respond:`. */
import { z } from 'zod'

export const respondSchema = z
  .unknown()
  .describe(
    'What is answered: a text, or a map or list that is sent as JSON; templates anywhere inside. Where a value is missing, the requester is told so instead.',
  )
