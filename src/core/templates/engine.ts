/**
 * LiquidJS, cut down to what is pure and bounded: the allowed tags and filters, plain data only, no files,
 * no clock; every piece that is rendered counts as a step, and every output goes through one sink.
 */
import {
  AssignTag,
  BreakTag,
  CaptureTag,
  CaseTag,
  CommentTag,
  Context,
  ContinueTag,
  Drop,
  defaultOperators,
  EchoTag,
  type Emitter,
  evalToken,
  ForTag,
  IfTag,
  InlineCommentTag,
  Liquid,
  type Operators,
  RawTag,
  type Template,
  TokenKind,
  toValue,
  toValueSync,
  UnlessTag,
  type Value,
} from 'liquidjs'
import { applyFilter, filterNames } from './filters.ts'
import { maxSteps } from './limits.ts'
import { attachRun, type Run, runOf } from './run.ts'
import { RenderStop } from './template.ts'
import { asNumber, isMissing, readProperty, toText } from './values.ts'

/** Numbers and decimal strings compare as numbers, two other strings by their text; else the answer is no. */
function ordered(left: unknown, right: unknown, test: (difference: number) => boolean): boolean {
  const [a, b] = [toValue(left), toValue(right)]
  const [x, y] = [asNumber(a), asNumber(b)]
  if (x !== undefined && y !== undefined) return test(x - y)
  if (typeof a !== 'string' || typeof b !== 'string') return false
  return test(a < b ? -1 : a > b ? 1 : 0)
}

/** With a missing side, neither `==` nor `!=` holds, unless the other side is the word nil, empty or blank. */
function undecided(left: unknown, right: unknown): boolean {
  if (left instanceof Drop || right instanceof Drop) return false
  return isMissing(left) || isMissing(right)
}

function equals(left: unknown, right: unknown, context: Context): boolean {
  return toValueSync(defaultOperators['==']!(left, right, context) as never) as boolean
}

const operators: Operators = {
  ...defaultOperators,
  '==': (left, right, context) => !undecided(left, right) && equals(left, right, context),
  '!=': (left, right, context) => !undecided(left, right) && !equals(left, right, context),
  '<': (left: unknown, right: unknown) => ordered(left, right, (difference) => difference < 0),
  '<=': (left: unknown, right: unknown) => ordered(left, right, (difference) => difference <= 0),
  '>': (left: unknown, right: unknown) => ordered(left, right, (difference) => difference > 0),
  '>=': (left: unknown, right: unknown) => ordered(left, right, (difference) => difference >= 0),
  contains: (left, right, context) => {
    const [whole, part] = [toValue(left), toValue(right)]
    if (isMissing(part)) return false
    if (typeof whole === 'string') return whole.includes(toText(part))
    if (!Array.isArray(whole)) return false
    runOf(context).charge(whole.length)
    return whole.includes(part)
  },
}

/** LiquidJS's `for` copies its list before it takes `limit`: counted first, the copy is bounded too. */
class BoundedForTag extends ForTag {
  override *render(context: Context, emitter: Emitter) {
    if (this.collection.kind !== TokenKind.Range) {
      const items = toValue((yield evalToken(this.collection, context)) as never) as unknown
      runOf(context).charge(
        Array.isArray(items) || typeof items === 'object' ? Number(readProperty(items, 'size')) : 1,
      )
    }
    return yield* super.render(context, emitter)
  }
}

const allowedTags = {
  assign: AssignTag,
  break: BreakTag,
  capture: CaptureTag,
  case: CaseTag,
  comment: CommentTag,
  continue: ContinueTag,
  echo: EchoTag,
  for: BoundedForTag,
  if: IfTag,
  raw: RawTag,
  unless: UnlessTag,
  '#': InlineCommentTag,
} as const

export const tagNames: readonly string[] = Object.keys(allowedTags)

/** Collects a text: what the template says as it stands, what values say as the mode has it. */
class Sink implements Emitter {
  buffer = ''
  private readonly run: Run
  private readonly captured: boolean
  /** The output being rendered, for its levels and for messages. */
  private current: Template | null = null

  constructor(run: Run, captured: boolean) {
    this.run = run
    this.captured = captured
  }

  add(text: string): void {
    this.buffer += text
    this.run.checkOutput(this.buffer.length)
  }

  enter(template: Template): void {
    this.current = template
  }

  write(raw: unknown): void {
    const value = toValue(raw as never) as unknown
    const { insertion } = this.run
    if (isMissing(value)) {
      if (insertion.onMissing === 'stop') {
        throw new RenderStop('missing', `${outputText(this.current)} has no value`)
      }
      this.add('?')
      return
    }
    const text = toText(value)
    this.run.charge(text.length)
    this.add(this.captured ? text : this.escaped(text))
  }

  /** What is captured is not escaped here: it is when it is put out. */
  private escaped(text: string): string {
    const { insertion, keepsLevels } = this.run
    const atStart = this.buffer === ''
    const keeps = this.current !== null && keepsLevels.has(this.current)
    return keeps ? insertion.escapeLevels(text, atStart) : insertion.escape(text, atStart)
  }
}

function outputText(template: Template | null): string {
  return template === null ? 'a variable' : template.token.getText()
}

/** Stands in for LiquidJS's renderer, which looks at a clock before each piece. */
const renderer = {
  *renderTemplates(templates: Template[], context: Context, emitter?: Emitter): IterableIterator<unknown> {
    const run = runOf(context)
    const sink = emitter instanceof Sink ? emitter : new Sink(run, true)
    run.step()
    for (const template of templates) {
      run.step()
      if (template.token.kind === TokenKind.HTML) {
        sink.add(staticText(template))
        continue
      }
      sink.enter(template)
      const html: unknown = yield template.render(context, sink)
      if (typeof html === 'string') sink.add(html)
      // LiquidJS's `break` and `continue` are flags that end the list of pieces they stand in.
      if (context.breakCalled || context.continueCalled) break
    }
    return sink.buffer
  },
}

/** The text of a static piece, after whitespace control (`{{-`) has trimmed it. */
export function staticText(template: Template): string {
  return (template.token as Template['token'] & { getContent(): string }).getContent()
}

class PlainContext extends Context {
  override readProperty(from: object, key: string | number | Drop): unknown {
    if (from instanceof Drop) return super.readProperty(from as never, key)
    const name: unknown = toValue(key as never)
    return typeof name === 'string' || typeof name === 'number' ? readProperty(from, name) : undefined
  }
}

function makeEngine(): Liquid {
  const engine = new Liquid({
    // An empty mapping keeps LiquidJS from ever looking for templates in files.
    templates: {},
    ownPropertyOnly: true,
    strictFilters: false,
    operators,
  })
  for (const name of Object.keys(engine.tags)) delete engine.tags[name]
  for (const [name, tag] of Object.entries(allowedTags)) engine.registerTag(name, tag)
  for (const name of Object.keys(engine.filters)) delete engine.filters[name]
  for (const name of filterNames) {
    engine.registerFilter(name, function (input, ...values) {
      const positional: unknown[] = []
      const named = new Map<string, unknown>()
      for (const [index, argument] of this.token.args.entries()) {
        const value = values[index]
        if (Array.isArray(argument)) named.set(String(argument[0]), toValue(value[1]))
        else positional.push(value)
      }
      return applyFilter(name, runOf(this.context), input, positional, named)
    })
  }
  Object.defineProperty(engine, 'renderer', { value: renderer })
  return engine
}

export const engine: Liquid = makeEngine()

function contextFor(variables: object, run: Run): Context {
  const context = new PlainContext(
    variables,
    engine.options,
    { sync: true, memoryLimit: Number.MAX_SAFE_INTEGER },
    { liquid: engine },
  )
  // LiquidJS charges a range here before it makes the list; no more than the steps allow could be visited.
  context.memoryLimit.use = (amount) => {
    if (amount > maxSteps) throw new RenderStop('limit', `a range is longer than ${maxSteps}`)
    run.charge(amount)
  }
  attachRun(context, run)
  return context
}

/** Renders parsed pieces into a text; throws RenderStop. `variables` has no prototype. */
export function renderPieces(pieces: Template[], variables: object, run: Run): string {
  const context = contextFor(variables, run)
  const sink = new Sink(run, false)
  return guarded(() => {
    toValueSync(renderer.renderTemplates(pieces, context, sink))
    return sink.buffer
  })
}

/** Evaluates one output to its value, with its type; throws RenderStop. */
export function evaluateOutput(output: Value, variables: object, run: Run): unknown {
  const context = contextFor(variables, run)
  return guarded(() => toValue(toValueSync(output.value(context)) as never) as unknown)
}

function guarded<T>(render: () => T): T {
  try {
    return render()
  } catch (error) {
    if (error instanceof RenderStop) throw error
    const original = error instanceof Error && 'originalError' in error ? error.originalError : error
    if (original instanceof RenderStop) throw original
    if (original instanceof RangeError)
      throw new RenderStop('limit', 'a value is too large or too deeply nested')
    throw new RenderStop('invalid', 'the template cannot be rendered with these values')
  }
}
