/** `tocsin schema`: the JSON Schema of the configuration, for editors. */
import { jsonSchema } from '../../config/json-schema.ts'
import type { ExitCode, Parts, Surroundings } from '../parts.ts'

export function schema({ actions, decoders, channels }: Parts, { stdout }: Surroundings): ExitCode {
  stdout.write(`${JSON.stringify(jsonSchema({ actions, decoders, channels }), null, 2)}\n`)
  return 0
}
