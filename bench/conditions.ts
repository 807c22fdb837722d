/** Nanoseconds per condition, against json-logic-js in the same run: node bench/conditions.ts [rounds] */
import jsonLogic, { type RulesLogic } from 'json-logic-js'
import { compileLogic } from '../src/core/conditions/compile.ts'
import { parseExpression } from '../src/core/conditions/expression.ts'
import { truth } from '../src/core/conditions/unknown.ts'
import type { Roots } from '../src/core/roots.ts'

interface Scope {
  readonly topic: string
  readonly payload: unknown
}

const roots: Roots<Scope> = {
  resolve: (name) =>
    name === 'payload' ? (scope) => scope.payload : name === 'topic' ? (scope) => scope.topic : null,
  names: () => ['payload', 'topic'],
}

/** Fresh objects out of JSON text, some true, as messages come. */
const scopes: Scope[] = Array.from({ length: 64 }, (_, i) => ({
  topic: 'sensors/a/data',
  payload: JSON.parse(
    JSON.stringify({
      timestamp: 1_760_000_000_000 + i,
      temperature: i % 16 === 7 ? 36.5 : 20 + i / 8,
      humidity: i % 16 === 3 ? 10 : 40,
      battery: 90 - i,
      status: ['ok', 'warn', 'off'][i % 3],
      meta: { level: i % 4 },
      readings: Array.from({ length: 10 }, (_, k) => ({ value: 20 + k + (i % 16 === 7 ? 10 : 0) })),
    }),
  ),
}))
const numbers: Scope[] = scopes.map((_, i) => ({
  topic: 'sensors/a/temperature',
  payload: i % 16 === 7 ? 36.5 : 20 + i / 8,
}))

const conditions: readonly (readonly [expression: string, scopes: Scope[]])[] = [
  ['payload > 35', numbers],
  ['payload.temperature > 35', scopes],
  [
    'payload.temperature > 10 and payload.humidity > 5 and payload.battery > 5 and payload.meta.level >= 0',
    scopes,
  ],
  [
    'payload.temperature > 40 or payload.humidity < 5 or payload.battery < 5 or payload.meta.level > 9',
    scopes,
  ],
  ['payload.temperature > 35 and (payload.status == "ok" or payload.meta.level >= 1)', scopes],
  ['some(payload.readings, item.value > 35)', scopes],
  ['(payload.temperature - 32) * 5 / 9 + payload.meta.level > 2', scopes],
]

const rounds = Number(process.argv[2] ?? 9)
const roundMs = 40
let sink = 0

/** Nanoseconds per call of `once` over the scopes, in one round. */
function measure(once: (scope: Scope) => unknown, over: readonly Scope[]): number {
  const begin = performance.now()
  let calls = 0
  let elapsedMs = 0
  while (elapsedMs < roundMs) {
    for (let turn = 0; turn < 50; turn++) for (const scope of over) if (once(scope) === true) sink++
    calls += 50 * over.length
    elapsedMs = performance.now() - begin
  }
  return (elapsedMs * 1e6) / calls
}

interface Contest {
  readonly expression: string
  readonly over: Scope[]
  readonly ours: (scope: Scope) => unknown
  readonly theirs: (scope: Scope) => unknown
  readonly nsOurs: number[]
  readonly nsTheirs: number[]
}

const contests: Contest[] = conditions.map(([expression, over]) => {
  const parsed = parseExpression(expression)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const compiled = compileLogic(parsed.value, roots)
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  const { run } = compiled.value
  const logic = structuredClone(parsed.value) as RulesLogic
  const theirs = (scope: Scope): unknown => jsonLogic.truthy(jsonLogic.apply(logic, scope))
  const ours = (scope: Scope): unknown => truth(run(scope))
  for (const scope of over)
    if (ours(scope) !== theirs(scope)) throw new Error(`${expression}: the values differ`)
  return { expression, over, ours, theirs, nsOurs: [], nsTheirs: [] }
})

// All conditions warm up together before any is timed, as they share their code in a running engine.
for (let round = -2; round < rounds; round++) {
  for (const { ours, theirs, over, nsOurs, nsTheirs } of contests) {
    const [mine, other] = [measure(ours, over), measure(theirs, over)]
    if (round < 0) continue
    nsOurs.push(mine)
    nsTheirs.push(other)
  }
}

const summary = (ns: readonly number[]): { median: number; text: string } => {
  const sorted = ns.toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1]!
  return { median, text: `${median.toFixed(0)} (${sorted[0]!.toFixed(0)}–${sorted.at(-1)!.toFixed(0)})` }
}

console.log('ns per condition: median (min–max)\n')
console.log(`${'tocsin'.padStart(16)} ${'json-logic-js'.padStart(20)} ${'ratio'.padStart(7)}   condition`)
for (const { expression, nsOurs, nsTheirs } of contests) {
  const [ours, theirs] = [summary(nsOurs), summary(nsTheirs)]
  const ratio = `${(theirs.median / ours.median).toFixed(0)}x`
  console.log(`${ours.text.padStart(16)} ${theirs.text.padStart(20)} ${ratio.padStart(7)}   ${expression}`)
}
if (sink < 0) console.log(sink)
