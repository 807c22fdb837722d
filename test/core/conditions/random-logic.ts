/** Random JsonLogic over every operator, mostly well typed, with random data to evaluate it on. */
import fc from 'fast-check'

export interface Kinds {
  number: unknown
  text: unknown
  verdict: unknown
  numbers: unknown
  records: unknown
  anything: unknown
}

/** Ordinary objects: json-logic-js cannot make a text of one without a prototype. */
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(shape, { noNullPrototype: true })

const op = (operator: string, ...args: fc.Arbitrary<unknown>[]): fc.Arbitrary<unknown> =>
  fc.tuple(...args).map((values) => ({ [operator]: values }))

const numberLiteral = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(0.5, -2.25, 1e3, '7', '-3.5', ' 4 ', '1e2'),
)
const textLiteral = fc.constantFrom('', 'a', 'on', 'off', 'spring', '10', '0', 'é', 'a,b')
const oddLiteral = fc.constantFrom<unknown>(null, true, false, '', '12abc', '0x10', [], [1], { a: 1, b: 2 })

/** Data has a number at n, m, deep.n; texts at s, t; lists at list, words, rows; some of it missing or odd. */
export const dataArbitrary = fc.record(
  {
    n: fc.integer({ min: -20, max: 20 }),
    m: fc.oneof({ weight: 8, arbitrary: numberLiteral }, { weight: 1, arbitrary: oddLiteral }),
    deep: record({
      n: fc.integer({ min: -5, max: 5 }),
      er: record({ n: fc.double({ min: -5, max: 5, noNaN: true }) }),
    }),
    s: textLiteral,
    t: fc.oneof({ weight: 8, arbitrary: textLiteral }, { weight: 1, arbitrary: oddLiteral }),
    flag: fc.boolean(),
    nil: fc.constant(null),
    list: fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 5 }),
    words: fc.array(textLiteral, { maxLength: 4 }),
    rows: fc.array(
      record({
        n: fc.integer({ min: -9, max: 9 }),
        s: textLiteral,
        list: fc.array(fc.nat(5), { maxLength: 3 }),
      }),
      {
        maxLength: 4,
      },
    ),
  },
  { noNullPrototype: true, requiredKeys: ['n', 's', 'deep', 'list', 'rows', 'words', 'flag', 'nil'] },
)

const variable = (...paths: string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...paths).map((path) => ({ var: path })) },
    { weight: 1, arbitrary: fc.constantFrom(...paths).map((path) => ({ var: [path] })) },
  )

/** Logic whose `var` looks into the data above, an element of `list` (`item`), or the pair of `reduce`. */
function logicIn(
  frame: 'roots' | 'number' | 'row' | 'pair',
  depth: number,
): { [K in keyof Kinds]: fc.Arbitrary<unknown> } {
  const numberVariable = {
    roots: variable('n', 'm', 'deep.n', 'deep.er.n', 'list.0', 'list.length', 's.length', 'rows.0.n'),
    number: variable(''),
    row: variable('n', 'list.1'),
    pair: variable('current', 'accumulator'),
  }[frame]
  const textVariable = {
    roots: variable('s', 't', 'words.0'),
    number: variable(''),
    row: variable('s'),
    pair: variable('current'),
  }[frame]
  const listVariable = {
    roots: variable('list'),
    number: fc.constant([1, 2]),
    row: variable('list'),
    pair: fc.constant([3]),
  }[frame]
  const recordVariable = frame === 'roots' ? variable('rows') : fc.constant([])
  if (depth <= 0) {
    const number = fc.oneof(numberVariable, numberLiteral)
    const text = fc.oneof(textVariable, textLiteral)
    return {
      number,
      text,
      verdict: fc.boolean(),
      numbers: fc.oneof(listVariable, fc.constant([1, 2, 3])),
      records: recordVariable,
      anything: fc.oneof(number, text, oddLiteral),
    }
  }
  const inner = logicIn(frame, depth - 1)
  const ofItem = logicIn('number', Math.min(depth - 1, 1))
  const ofRow = logicIn('row', Math.min(depth - 1, 1))
  const ofPair = logicIn('pair', Math.min(depth - 1, 1))
  const { number, text, verdict, numbers, records, anything } = inner
  const paths =
    frame === 'pair'
      ? fc.constantFrom<unknown>('current', 'accumulator.n')
      : fc.constantFrom<unknown>('n', 'm', 't', 'nil', 'nope', 'deep.er.n', 'deep.nope.n')
  const someVerdict = fc.oneof(
    ...['<', '<=', '>', '>='].map((name) => op(name, number, number)),
    op('<', number, number, number),
    op('<=', number, number, number),
    op('<', text, text),
    ...['==', '!=', '===', '!=='].flatMap((name) => [
      op(name, number, number),
      op(name, text, text),
      op(name, anything, anything),
    ]),
    op('==', anything, fc.constant(null)),
    op('!', anything),
    anything.filter((each) => !Array.isArray(each)).map((each) => ({ '!': each })),
    op('!!', anything),
    op('and', verdict, verdict),
    op('or', verdict, verdict, verdict),
    op('in', text, text),
    op('in', number, numbers),
    op('in', text, fc.constant(['a', 'on', '10'])),
    ...['all', 'some', 'none'].flatMap((name) => [
      op(name, numbers, ofItem.verdict),
      op(name, records, ofRow.verdict),
    ]),
    op('if', verdict, verdict, verdict),
  )
  const someNumber = fc.oneof(
    numberVariable,
    numberLiteral,
    ...['+', '-', '*', '/', '%', 'max', 'min'].map((name) => op(name, number, number)),
    op('+', number, number, number),
    op('*', number, number, number),
    op('max', number, number, number),
    op('-', number),
    op('+', text),
    op('if', verdict, number, number),
    op('?:', verdict, number, number),
    op('reduce', numbers, ofPair.number, number),
    op('reduce', numbers, ofPair.number),
    op('log', number),
    fc.tuple(paths, number).map((args) => ({ var: args })),
    op('or', number, number),
  )
  const someText = fc.oneof(
    textVariable,
    textLiteral,
    op('cat', text, anything),
    op('cat', text, number, text),
    op('substr', text, fc.integer({ min: -4, max: 4 })),
    op('substr', text, fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 })),
    op('if', verdict, text, verdict, text, text),
    op('and', text, text),
  )
  const someNumbers = fc.oneof(
    listVariable,
    op('filter', numbers, ofItem.verdict),
    op('map', numbers, ofItem.number),
    op('merge', numbers, number, numbers),
    fc.array(number, { maxLength: 3 }),
    op('if', verdict, numbers, numbers),
  )
  const lists = fc.oneof(
    op('map', records, ofRow.text),
    op('filter', records, ofRow.verdict),
    fc.array(paths, { minLength: 1, maxLength: 3 }).map((keys) => ({ missing: keys })),
    fc.array(paths, { minLength: 1, maxLength: 3 }).map((keys) => ({ missing: [keys] })),
    fc
      .tuple(fc.nat(3), fc.array(paths, { minLength: 1, maxLength: 3 }))
      .map((args) => ({ missing_some: args })),
    op('missing', op('merge', paths, fc.array(paths, { maxLength: 2 }))),
  )
  return {
    number: someNumber,
    text: someText,
    verdict: someVerdict,
    numbers: someNumbers,
    records:
      frame === 'roots' ? fc.oneof(recordVariable, op('filter', records, ofRow.verdict)) : recordVariable,
    anything: fc.oneof(
      { weight: 4, arbitrary: someNumber },
      { weight: 4, arbitrary: someText },
      { weight: 4, arbitrary: someVerdict },
      { weight: 2, arbitrary: someNumbers },
      { weight: 2, arbitrary: lists },
      { weight: 1, arbitrary: oddLiteral },
      {
        weight: 1,
        arbitrary: frame === 'pair' ? variable('current.n', 'accumulator') : variable('nil', 'nope'),
      },
    ),
  }
}

/** Any logic of a rule; half of it decides something, as conditions do. */
export const logicArbitrary: fc.Arbitrary<unknown> = (() => {
  const deep = logicIn('roots', 3)
  return fc.oneof({ weight: 3, arbitrary: deep.verdict }, { weight: 2, arbitrary: deep.anything })
})()
