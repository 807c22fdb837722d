/** Text templates: for messages, topic names and file names, each with its own care for what values may add. */
import type { Result } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { checkTopicText } from '../topics/topic-text.ts'
import type { Bare } from './analyse.ts'
import { renderPieces, staticText } from './engine.ts'
import { escapeFileValue, escapeTopicLevels, escapeTopicValue, filePathFault, topicFault } from './escape.ts'
import { maxOutputChars } from './limits.ts'
import { type Insertion, Run } from './run.ts'
import { type Accessor, type Compiled, compileSource, failure, refused, zoneOption } from './source.ts'
import {
  type Rendered,
  type RenderFailed,
  RenderStop,
  type Template,
  type TemplateMode,
  type TemplateOptions,
} from './template.ts'
import { isMissing, readPath, toText } from './values.ts'

interface Mode {
  readonly insertion: Insertion
  /** Why a finished text cannot be used, or null. */
  fault(text: string): string | null
}

const asItIs = (text: string): string => text

/** An empty value would join what stands around it into another name: in a file name it counts as missing. */
function fileValue(text: string): string {
  if (text === '') throw new RenderStop('missing', 'an empty value cannot stand in a file name')
  return escapeFileValue(text)
}

const modes: Record<TemplateMode, Mode> = {
  text: { insertion: { onMissing: 'mark', escape: asItIs, escapeLevels: asItIs }, fault: () => null },
  strict: { insertion: { onMissing: 'stop', escape: asItIs, escapeLevels: asItIs }, fault: () => null },
  topic: {
    insertion: { onMissing: 'stop', escape: escapeTopicValue, escapeLevels: escapeTopicLevels },
    fault: topicFault,
  },
  file: {
    insertion: { onMissing: 'stop', escape: fileValue, escapeLevels: fileValue },
    fault: filePathFault,
  },
}

/**
 * Compiles a text. Every problem is one of what the user wrote; a compiled template never throws.
 * `now` is always known: the time given to `render`, as an ISO 8601 string.
 */
export function compileText<S>(
  source: string,
  roots: Roots<S>,
  mode: TemplateMode,
  options: TemplateOptions = {},
): Result<Template<S>> {
  const zone = zoneOption(options.zone)
  const compiled = compileSource(source, roots)
  if (!compiled.ok) return compiled
  const { analysis } = compiled.value
  const wrongStatic = checkStatic(source, compiled.value, mode)
  if (wrongStatic !== null) return wrongStatic
  const simple = simplePieces(compiled.value, mode, options)
  const render =
    simple === null ? liquidRender(compiled.value, mode, zone, options) : simpleRender(simple, modes[mode])
  if (analysis.roots.size > 0) return { ok: true, value: { render, uses: analysis.uses, constant: false } }
  // Without variables every rendering is the same: made once, and what is wrong with it is told now.
  const once = render(undefined as S, 0)
  if (!once.ok) return refusedConstant(source, mode, once)
  return { ok: true, value: { render: () => once, uses: [], constant: true } }
}

function refusedConstant(source: string, mode: TemplateMode, failed: RenderFailed): Result<never> {
  const message = `This always fails: ${failed.message}.`
  if (failed.reason === 'limit')
    return refused('template-limit', message, 'Make its loops and texts smaller.')
  if (mode === 'file') return refused('template-file-path', message, 'Write a name such as logs/today.csv.')
  if (source === '') return refused('topic-empty', 'The topic is empty.', 'Write a topic.')
  return refused('template-syntax', message, 'Write a text, or a variable that has a value.')
}

/** What the template itself says must be sound; values cannot make it so. */
function checkStatic<S>(source: string, { analysis }: Compiled<S>, mode: TemplateMode): Result<never> | null {
  for (const piece of analysis.texts) {
    const text = staticText(piece)
    const at = (found: RegExpExecArray): number => piece.token.begin + found.index
    if (mode === 'topic') {
      const wildcard = /[+#]/.exec(text)
      if (wildcard !== null) {
        const message = `A topic to publish to cannot have the wildcard ${wildcard[0]}.`
        return refused(
          'topic-wildcard-in-name',
          message,
          'Insert a capture instead: {{ name }}.',
          at(wildcard),
        )
      }
      const fault = text === '' ? null : checkTopicText(text, 'topic')
      if (fault !== null) {
        const offset = piece.token.begin + (fault.offset ?? 0)
        return { ok: false, problems: [{ ...fault, offset }] }
      }
    }
    if (mode === 'file') {
      const bad = /[\\<>:"|?*\u0000-\u001f\u007f]/.exec(text)
      if (bad !== null) {
        const message = `A file name cannot have the character ${JSON.stringify(bad[0])}.`
        return refused(
          'template-file-path',
          message,
          'Use letters, digits, - _ . and / between folders.',
          at(bad),
        )
      }
      // Where the piece does not begin or end the name, a value stands beside it.
      const before = piece.token.begin === 0 ? '/' : ' '
      const after = piece.token.end === source.length ? '/' : ' '
      const up = /\/\.\.?(?=\/)|^\/(?=\/)/.exec(before + text + after)
      if (up !== null) {
        const message = 'A file name is relative to the folder for files and stays inside it.'
        return refused(
          'template-file-path',
          message,
          'Write it without .. and without / at its start.',
          at(up),
        )
      }
    }
  }
  return null
}

function liquidRender<S>(
  compiled: Compiled<S>,
  modeName: TemplateMode,
  zone: string,
  options: TemplateOptions,
): Template<S>['render'] {
  const mode = modes[modeName]
  const { pieces, analysis } = compiled
  const keeps = new Set<unknown>()
  for (const [piece, bare] of analysis.bare) if (keepsLevels(bare, modeName, options)) keeps.add(piece)
  return (scope, nowMs) => {
    try {
      const run = new Run(mode.insertion, zone, keeps)
      return finish(renderPieces(pieces, compiled.variables(scope, nowMs), run), mode)
    } catch (error) {
      return failure(error)
    }
  }
}

function finish(text: string, mode: Mode): Rendered {
  const fault = mode.fault(text)
  return fault === null ? { ok: true, text } : { ok: false, reason: 'invalid', message: fault }
}

function keepsLevels(bare: Bare, mode: TemplateMode, options: TemplateOptions): boolean {
  return mode === 'topic' && bare.path.length === 0 && options.keepLevels?.has(bare.root) === true
}

/** A static text, or a bare variable. */
type SimplePiece<S> =
  | string
  | {
      readonly read: Accessor<S>
      readonly path: readonly (string | number)[]
      readonly name: string
      readonly escape: (text: string, atStart: boolean) => string
    }

/** The pieces of a template that is only text and bare variables, which needs no LiquidJS to render; else null. */
function simplePieces<S>(
  { pieces, analysis, accessor }: Compiled<S>,
  mode: TemplateMode,
  options: TemplateOptions,
): SimplePiece<S>[] | null {
  const { insertion } = modes[mode]
  const texts = new Set(analysis.texts)
  const simple: SimplePiece<S>[] = []
  for (const piece of pieces) {
    const bare = analysis.bare.get(piece)
    if (bare !== undefined) {
      simple.push({
        read: accessor(bare.root),
        path: bare.path,
        name: piece.token.getText(),
        escape: keepsLevels(bare, mode, options) ? insertion.escapeLevels : insertion.escape,
      })
    } else if (texts.has(piece)) {
      simple.push(staticText(piece))
    } else {
      return null
    }
  }
  return simple
}

function simpleRender<S>(pieces: readonly SimplePiece<S>[], mode: Mode): Template<S>['render'] {
  const { onMissing } = mode.insertion
  return (scope, nowMs) => {
    try {
      let text = ''
      for (const piece of pieces) {
        if (typeof piece === 'string') {
          text += piece
          continue
        }
        const root = piece.read(scope, nowMs)
        const value = piece.path.length === 0 ? root : readPath(root, piece.path)
        if (!isMissing(value)) text += piece.escape(toText(value), text === '')
        else if (onMissing === 'mark') text += '?'
        else return { ok: false, reason: 'missing', message: `${piece.name} has no value` }
        if (text.length > maxOutputChars) {
          return {
            ok: false,
            reason: 'limit',
            message: `the template's text is longer than ${maxOutputChars} characters`,
          }
        }
      }
      return finish(text, mode)
    } catch (error) {
      return failure(error)
    }
  }
}
