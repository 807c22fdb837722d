/** Every operator with the builder of its closure; `operators` of logic.ts has the shapes. */
import type { Build } from '../call.ts'
import { arithmetic, number } from './arithmetic.ts'
import { compare, looseEquality, strictEquality } from './comparisons.ts'
import { all, filter, map, merge, none, reduce, some, within } from './lists.ts'
import { and, coalesce, conditional, identity, not, notNot, or } from './logic.ts'
import { cat, matches, substr } from './texts.ts'
import { missing, missingSome, root, variable } from './variables.ts'

export const builders: ReadonlyMap<string, Build> = new Map(
  Object.entries<Build>({
    var: variable,
    root,
    missing,
    missing_some: missingSome,
    if: conditional,
    '?:': conditional,
    and,
    or,
    '!': not,
    '!!': notNot,
    '??': coalesce,
    log: identity,
    '==': looseEquality,
    '!=': looseEquality,
    '===': strictEquality,
    '!==': strictEquality,
    '<': compare,
    '<=': compare,
    '>': compare,
    '>=': compare,
    '+': arithmetic,
    '-': arithmetic,
    '*': arithmetic,
    '/': arithmetic,
    '%': arithmetic,
    min: arithmetic,
    max: arithmetic,
    number,
    map,
    filter,
    reduce,
    all,
    some,
    none,
    merge,
    in: within,
    cat,
    substr,
    matches,
  }),
)

/** Operators whose closures never touch the budget. */
export const freeOfCharge: ReadonlySet<string> = new Set([
  ...['var', 'root', 'if', '?:', 'and', 'or', '!', '!!', '??', 'log', '===', '!=='],
  ...['<', '<=', '>', '>=', '+', '-', '*', '/', '%', 'min', 'max', 'number'],
])

/** Operators whose value depends on the scope whatever their arguments are. */
export const readsScope: ReadonlySet<string> = new Set(['var', 'root', 'missing', 'missing_some'])
