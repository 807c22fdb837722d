import { expect, test } from 'vitest'
import { contains, intersects, join } from '../../../src/core/topics/relations.ts'
import { filter } from './support.ts'

test.each([
  ['#', 'a/b', true],
  ['#', '#', true],
  ['#', '$SYS/#', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/+', true],
  ['a/#', 'a', true],
  ['a/#', 'a/+/#', true],
  ['a/+/#', 'a/#', false],
  ['+/#', '#', true],
  ['/+/#', '/#', true],
  ['a/+', 'a/b', true],
  ['a/b', 'a/+', false],
  ['a/+', 'a', false],
  ['a/+x', 'a/#rest', false],
  ['+/+', '/a', true],
])('%s contains %s: %s', (outer, inner, expected) => {
  expect(contains(filter(outer), filter(inner))).toBe(expected)
})

test.each([
  ['a/+', '+/b', true],
  ['#', '$SYS/#', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/+', '$SYS/x', true],
  ['a/#', 'a', true],
  ['a/#', 'b/#', false],
  ['a/+', 'a', false],
  ['+/#', '+', true],
  ['a/+/c', 'a/b/#', true],
])('%s and %s intersect: %s', (left, right, expected) => {
  expect(intersects(filter(left), filter(right))).toBe(expected)
  expect(intersects(filter(right), filter(left))).toBe(expected)
})

test.each([
  ['a/+', '+/b', '+/+'],
  ['a/b', 'a/c', 'a/+'],
  ['a', 'a/b', 'a/#'],
  ['a/b', 'a/b/c/d', 'a/b/#'],
  ['a', 'b/c', '#'],
  ['#', 'a', '#'],
  ['/a', '/b/c', '/#'],
  ['+room/x', 'hall/x', '+/x'],
  ['$SYS/a', '$SYS/b', '$SYS/+'],
  ['$SYS/a', '#', null],
  ['$SYS/a', 'a/a', null],
  ['$SYS/a', '$other/a', null],
  ['+/x', '$SYS/x', null],
])('the join of %s and %s is %s', (left, right, expected) => {
  expect(join(filter(left), filter(right))?.text ?? null).toBe(expected)
  expect(join(filter(right), filter(left))?.text ?? null).toBe(expected)
})
