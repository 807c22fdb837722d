/** `tocsin schema`: the JSON Schema of the configuration, for editors. */
import { jsonSchema } from '../../config/json-schema.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'

export function schema(parts: Parts, { stdout }: Surroundings): ExitCode {
  stdout.write(
    `${JSON.stringify(jsonSchema({ actions: parts.actions, decoders: parts.decoders }), null, 2)}\n`,
  )
  return 0
}
