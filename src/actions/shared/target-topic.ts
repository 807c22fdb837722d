/** The topic that an action publishes to: a template, and what can be said about it before it has values. */
import { type Problem, problem, type Result } from '../../core/problem.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileText } from '../../core/templates/compile.ts'
import type { Rendered, Template } from '../../core/templates/template.ts'
import { checkTopicText, quoted } from '../../core/topics/topic-text.ts'
import type { ActionContext } from '../../ports/action.ts'
import { hasRefusedCharacter } from './mqtt-text.ts'
import { bareVariable, splitTemplate } from './template-source.ts'

/** Everything below is Tocsin's own: its status, its alerts, its requests. */
const reservedLevel = 'tocsin'

const reservedHelp =
  'Publish below a first level of your own; tocsin/ is how Tocsin tells its status and alerts.'

export function isReservedTopic(topic: string): boolean {
  return topic === reservedLevel || topic.startsWith(`${reservedLevel}/`)
}

/**
 * What a compiled topic template may still get wrong in the parts that never change. The path is empty; offsets
 * count UTF-16 units of `source`.
 */
function checkTargetTopic(source: string): Problem[] {
  const pieces = splitTemplate(source)
  const problems: Problem[] = []
  for (const { kind, text, offset } of pieces) {
    const fault = kind === 'literal' ? checkTopicText(text, 'topic') : null
    if (fault !== null) problems.push({ ...fault, offset: offset + (fault.offset ?? 0) })
  }
  const [first] = pieces
  if (source === reservedLevel || (first?.kind === 'literal' && first.text.startsWith(`${reservedLevel}/`))) {
    problems.push(
      problem('topic-reserved', [], `The topic ${quoted(source)} is one of Tocsin's own`, {
        help: reservedHelp,
        offset: 0,
      }),
    )
  }
  return problems
}

/**
 * The filter of every topic that the template can give: `alarms/{{ id }}/on` leads to `alarms/+/on`. From where the
 * number of levels is open (a bare `#name` capture, a tag such as `if`) it is `#`.
 */
export function targetFilter(source: string, keepLevels: ReadonlySet<string>): string {
  const levels: string[] = ['']
  for (const piece of splitTemplate(source)) {
    const variable = bareVariable(piece)
    if (piece.kind === 'tag' || (variable !== null && keepLevels.has(variable))) {
      levels[levels.length - 1] = '#'
      break
    }
    if (piece.kind === 'output') {
      levels[levels.length - 1] = '+'
      continue
    }
    const [head = '', ...rest] = piece.text.split('/')
    const open = levels.length - 1
    if (levels[open] !== '+') levels[open] += head
    levels.push(...rest)
  }
  return levels.join('/')
}

/** Problems have the empty path. */
export function compileTopic(
  source: string,
  { roots, zone, keepLevels }: Pick<ActionContext, 'roots' | 'zone' | 'keepLevels'>,
): Result<Template<Scope>> {
  const compiled = compileText(source, roots, 'topic', { zone, keepLevels })
  const problems = compiled.ok ? checkTargetTopic(source) : []
  return problems.length > 0 ? { ok: false, problems } : compiled
}

/** What a device sends must neither speak in Tocsin's name nor cut it off from the broker. */
export function renderTopic(template: Template<Scope>, scope: Scope, nowMs: number): Rendered {
  const rendered = template.render(scope, nowMs)
  if (!rendered.ok) return rendered
  if (isReservedTopic(rendered.text)) return invalid('begins with tocsin/, which is kept for Tocsin itself')
  if (hasRefusedCharacter(rendered.text))
    return invalid('has a character on which brokers close the connection')
  return rendered
}

function invalid(fault: string): Rendered {
  return { ok: false, reason: 'invalid', message: `the topic ${fault}` }
}
