/** Names what a path leads to, so that tables can say which keys belong there. */
import type { Path } from '../core/problem.ts'

/**
 * `file`, `broker`, `broker.tls`, `table`, `calendar`, `settings`, `settings.limits`, `rule`, `rule.clear`,
 * `with` (one entry), `action` (one item of a list), `action.publish`, …
 */
export type Place = string

export function placeOf(path: Path): Place {
  const [section, name, ...rest] = path
  if (section === undefined) return 'file'
  if (section === 'settings') return ['settings', ...path.slice(1)].join('.')
  if (name === undefined) return String(section)
  const singular = section === 'rules' ? 'rule' : String(section).replace(/s$/, '')
  if (singular !== 'rule') return [singular, ...rest].join('.')
  const [key, item, ...below] = rest
  if (key === 'with' && item !== undefined) return ['with', ...below].join('.')
  if ((key === 'then' || key === 'resolved') && typeof item === 'number')
    return ['action', ...below].join('.')
  if (key === 'respond') return ['action', ...rest].join('.')
  return ['rule', ...rest].join('.')
}
