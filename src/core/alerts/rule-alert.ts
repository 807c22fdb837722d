/** What a rule says of its alert: its texts, rendered from what it looks at, as events for the alert to follow. */

import { hash32 } from '../hash.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import { keyRecord } from '../rules/key.ts'
import type { RuleState } from '../rules/rule-state.ts'
import type { Scope } from '../rules/scope.ts'
import type { StepContext } from '../step-context.ts'
import type { Template } from '../templates/template.ts'
import { isMissing, readPath, toText } from '../templates/values.ts'
import type { AlertTexts } from './alert-state.ts'
import type { AlertEvent } from './events.ts'

/** Texts are cut to so many characters. */
const limits = { summary: 500, description: 2_000, label: 200, value: 100 }
/** Labels and values beyond so many are left out. */
const listLimits = { labels: 30, values: 8 }
/** While it fires, new texts are taken up at most so often. */
const saidEveryMs = 1_000

/** Tells the alert of a change. `scope: null` when texts are not needed. */
export function sayAlert(
  rule: CompiledRule,
  state: RuleState,
  change: AlertEvent['change'],
  scope: Scope | null,
  context: StepContext,
): void {
  if (rule.alert === null || !context.outcome.followsAlerts) return
  say(rule, state, change, scope === null ? null : textsOf(rule, scope, context), context)
}

/** As `sayAlert`, when the texts are others than those last said, or `always`. Gives back what was said. */
export function sayTexts(
  rule: CompiledRule,
  state: RuleState,
  change: 'firing' | 'changed',
  scope: Scope,
  always: boolean,
  context: StepContext,
): RuleState {
  if (rule.alert === null || !context.outcome.followsAlerts) return state
  const { nowMs } = context
  if (!always && state.said !== undefined && nowMs - state.said.atMs < saidEveryMs) return state
  const texts = textsOf(rule, scope, context)
  const hash = hash32(JSON.stringify([texts.summary, texts.description, texts.values]))
  if (!always && state.said?.hash === hash) return state
  say(rule, state, change, texts, context)
  return { ...state, said: { hash, atMs: nowMs } }
}

function say(
  rule: CompiledRule,
  state: RuleState,
  change: AlertEvent['change'],
  texts: AlertTexts | null,
  context: StepContext,
): void {
  context.outcome.followUps.push({
    type: 'alert',
    rule: rule.id,
    key: state.key,
    named: keyRecord(rule.key.names, state.key),
    change,
    texts,
    policy: rule.definition.alert?.policy ?? 'default',
    because: 'condition',
  })
}

function textsOf(rule: CompiledRule, scope: Scope, context: StepContext): AlertTexts {
  const { alert } = rule
  if (alert === null) throw new Error(`${rule.id} has no alert`)
  const render = (template: Template<Scope>, limit: number) => {
    const rendered = template.render(scope, context.wallMs)
    const text = rendered.ok ? rendered.text : '?'
    return text.length > limit ? `${text.slice(0, limit - 1)}…` : text
  }
  const labels = alert.labels.slice(0, listLimits.labels)
  return {
    severity: alert.severity,
    summary: render(alert.summary, limits.summary),
    description: alert.description === null ? null : render(alert.description, limits.description),
    labels: Object.fromEntries(labels.map(({ name, value }) => [name, render(value, limits.label)])),
    values: valuesOf(rule, scope),
  }
}

/** What the rule is about and what its texts show of the message, by the last part of its name. */
function valuesOf(rule: CompiledRule, scope: Scope): Readonly<Record<string, string>> {
  const paths = [...(rule.alert?.summary.uses ?? []), ...(rule.alert?.description?.uses ?? [])]
  const values: [string, string][] = []
  const add = (name: string, value: unknown) => {
    if (isMissing(value) || typeof value === 'object') return
    if (values.length >= listLimits.values || values.some(([known]) => known === name)) return
    values.push([name, toText(value).slice(0, limits.value)])
  }
  if (rule.value !== null) add(valueName(rule.definition.value), scope.value)
  for (const [root, ...path] of paths) {
    const name = path.at(-1)
    if (name === undefined) continue
    if (root === 'payload') add(name, readPath(scope.payload, path))
    else if (root === 'window') add(name, readPath(scope.window, path))
    else if (root === 'with') add(path.join('.'), readPath(scope.with, path))
  }
  return Object.fromEntries(values)
}

function valueName(source: unknown): string {
  const path = typeof source === 'string' && /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(source) ? source : 'value'
  const name = path.slice(path.lastIndexOf('.') + 1)
  return name === 'payload' ? 'value' : name
}
