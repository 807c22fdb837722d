/** The MQTT 5 properties of a publish: compiled templates in, what goes on the wire out. */
import type { MessageProperties } from '../../core/message.ts'
import { payloadBytes } from '../../core/payload-bytes.ts'
import { type Problem, type Result, under } from '../../core/problem.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileText, compileValue } from '../../core/templates/compile.ts'
import { topicFault } from '../../core/templates/escape.ts'
import type { RenderFailed } from '../../core/templates/template.ts'
import type { ActionContext } from '../../ports/action.ts'
import { mqttText } from './mqtt-text.ts'
import type { PublishProperties } from './properties-schema.ts'
import { isOneOutput } from './template-source.ts'

/** The length of a string and of binary data is sent in two bytes [MQTT-1.5.4, MQTT-1.5.6]. */
const maxPropertyBytes = 65_535

export interface CompiledProperties {
  /** A property whose value is missing is left out; null when none is left. */
  render(scope: Scope, nowMs: number): PropertiesRendered
  readonly uses: readonly (readonly string[])[]
}

type PropertiesRendered = { readonly ok: true; readonly properties: MessageProperties | null } | RenderFailed
type BytesRendered = { readonly ok: true; readonly bytes: Uint8Array | null } | RenderFailed

interface Property {
  readonly name: string
  /** Null when the value is missing. */
  render(scope: Scope, nowMs: number): BytesRendered
}

/** Problems carry the path of their property. */
export function compileProperties(
  spec: PublishProperties | undefined,
  context: ActionContext,
): Result<CompiledProperties> {
  const problems: Problem[] = []
  const uses: (readonly string[])[] = []
  const fixed = compileProperty('content_type', spec?.content_type)
  const response = compileProperty('response_topic', spec?.response_topic)
  const correlation = compileProperty('correlation_data', spec?.correlation_data)
  const user = Object.entries(spec?.user ?? {}).map(([name, source]) => ({
    name,
    property: compileProperty(`user ${name}`, source, ['user', name]),
  }))
  const expiry = spec?.expiry === undefined ? undefined : Math.ceil(spec.expiry / 1000)
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, value: { render, uses } }

  function compileProperty(name: string, source: unknown, path: Problem['path'] = [name]): Property | null {
    if (source === undefined) return null
    // A lone output may hold a whole topic, such as the response topic of a request; its levels are kept.
    const asTopic = name === 'response_topic' && typeof source === 'string' && !isOneOutput(source)
    const { roots, zone, keepLevels } = context
    const compiled = asTopic
      ? compileText(source, roots, 'topic', { zone, keepLevels })
      : compileValue(source, roots, { zone })
    if (!compiled.ok) {
      problems.push(...under(path, compiled.problems))
      return null
    }
    uses.push(...compiled.value.uses)
    return {
      name,
      render(scope, nowMs) {
        const rendered = compiled.value.render(scope, nowMs)
        if (!rendered.ok) return rendered.reason === 'missing' ? { ok: true, bytes: null } : rendered
        const value = 'text' in rendered ? rendered.text : rendered.value
        return value === null ? { ok: true, bytes: null } : bounded(name, payloadBytes(value))
      },
    }
  }

  function render(scope: Scope, nowMs: number): PropertiesRendered {
    const properties: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {}
    if (expiry !== undefined) properties.messageExpiryInterval = expiry
    for (const property of [fixed, response, correlation]) {
      if (property === null) continue
      const rendered = property.render(scope, nowMs)
      if (!rendered.ok) return rendered
      if (rendered.bytes === null) continue
      if (property === correlation) properties.correlationData = rendered.bytes
      else if (property === fixed) properties.contentType = textOf(rendered.bytes)
      else {
        const topic = textOf(rendered.bytes)
        // A response topic with a wildcard is a protocol error that costs the connection [MQTT-3.3.2-14].
        const fault = topicFault(topic)
        if (fault !== null) return { ok: false, reason: 'invalid', message: `response_topic: ${fault}` }
        properties.responseTopic = topic
      }
    }
    const pairs: (readonly [string, string])[] = []
    for (const { name, property } of user) {
      const rendered = property?.render(scope, nowMs)
      if (rendered === undefined) continue
      if (!rendered.ok) return rendered
      if (rendered.bytes !== null) pairs.push([mqttText(name), textOf(rendered.bytes)])
    }
    if (pairs.length > 0) properties.userProperties = pairs
    return { ok: true, properties: Object.keys(properties).length > 0 ? properties : null }
  }
}

function bounded(name: string, bytes: Uint8Array): BytesRendered {
  if (bytes.byteLength <= maxPropertyBytes) return { ok: true, bytes }
  return {
    ok: false,
    reason: 'limit',
    message: `the property ${name} is longer than ${maxPropertyBytes} bytes`,
  }
}

function textOf(bytes: Uint8Array): string {
  return mqttText(Buffer.from(bytes).toString())
}
