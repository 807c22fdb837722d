/** What a page points to is there. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsOf, pageNames, readPage, root } from './pages.ts'

describe.each(pageNames)('%s', (page) => {
  const links = [
    ...readPage(page)
      .replace(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, target = '']) => target)
    .filter((target) => !/^https?:/.test(target))

  test('its links lead to files and headings that exist', () => {
    const broken = links.filter((target) => {
      const [file = '', anchor] = target.split('#')
      const name = file === '' ? page : path.posix.join(path.posix.dirname(page), file)
      if (!existsSync(path.join(root, name))) return true
      return anchor !== undefined && name.endsWith('.md') && !anchorsOf(name).has(anchor)
    })
    expect(broken).toEqual([])
  })
})
