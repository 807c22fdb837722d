/** A scope for the template tests: plain variables, each a root. */
import type { Roots } from '../../../src/core/roots.ts'
import { compileText } from '../../../src/core/templates/compile.ts'
import type { Rendered, TemplateMode, TemplateOptions } from '../../../src/core/templates/template.ts'

export type Variables = Readonly<Record<string, unknown>>

export const nowMs = Date.UTC(2026, 2, 29, 1, 30, 5)

export function rootsOf(variables: Variables): Roots<Variables> {
  return {
    resolve: (name) => (Object.hasOwn(variables, name) ? (scope) => scope[name] : null),
    names: () => Object.keys(variables),
  }
}

/** Compiles and renders; a template that does not compile fails the test with its problems. */
export function render(
  source: string,
  variables: Variables = {},
  mode: TemplateMode = 'text',
  options: TemplateOptions = {},
): Rendered {
  const compiled = compileText(source, rootsOf(variables), mode, options)
  if (!compiled.ok) throw new Error(`${source}: ${JSON.stringify(compiled.problems)}`)
  return compiled.value.render(variables, nowMs)
}

export function textOf(source: string, variables: Variables = {}, options: TemplateOptions = {}): string {
  const rendered = render(source, variables, 'text', options)
  if (!rendered.ok) throw new Error(`${source}: ${rendered.reason}: ${rendered.message}`)
  return rendered.text
}
