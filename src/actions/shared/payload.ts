/** The payload of a publish: a compiled template in, bytes out. */
import { payloadBytes } from '../../core/payload-bytes.ts'
import type { Result } from '../../core/problem.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileValue } from '../../core/templates/compile.ts'
import type { RenderFailed } from '../../core/templates/template.ts'
import type { ActionContext } from '../../ports/action.ts'

/** As much as an inbound payload may have: a rule does not send what another could not read. */
export const maxPayloadBytes = 262_144

const nothing = new Uint8Array(0)

export interface CompiledPayload {
  render(scope: Scope, nowMs: number): { readonly ok: true; readonly bytes: Uint8Array } | RenderFailed
  readonly uses: readonly (readonly string[])[]
}

/** Undefined is a payload that was not written: zero bytes, which with RETAIN clears the topic [MQTT-3.3.1-10]. */
export function compilePayload(source: unknown, { roots, zone }: ActionContext): Result<CompiledPayload> {
  if (source === undefined)
    return { ok: true, value: { render: () => ({ ok: true, bytes: nothing }), uses: [] } }
  const compiled = compileValue(source, roots, { zone })
  if (!compiled.ok) return compiled
  const { constant, uses } = compiled.value
  const render: CompiledPayload['render'] = (scope, nowMs) => {
    const rendered = compiled.value.render(scope, nowMs)
    if (!rendered.ok) return rendered
    // A whole payload that is missing is not sent as null: a device would take it for a command.
    if (rendered.value === null && !constant) {
      return {
        ok: false,
        reason: 'missing',
        message: `${String(source)} has no value, so there is no payload`,
      }
    }
    const bytes = payloadBytes(rendered.value)
    if (bytes.byteLength <= maxPayloadBytes) return { ok: true, bytes }
    return { ok: false, reason: 'limit', message: `the payload is larger than ${maxPayloadBytes} bytes` }
  }
  return { ok: true, value: { render, uses } }
}
