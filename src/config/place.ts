/** Names what a path leads to, so that tables can say which keys belong there. */
import type { Path } from '../core/problem.ts'

/**
 * `file`, `broker`, `broker.tls`, `table`, `calendar`, `receiver`, `receiver.email`, `policy`, `policy.steps` (one
 * of them), `inhibit`, `settings`, `settings.limits`, `rule`, `rule.clear`, `with` (one entry), `action` (one item
 * of a list), `action.publish`, …, `following` (what follows a command)
 */
export type Place = string

const entryNames: Readonly<Record<string, string>> = {
  brokers: 'broker',
  tables: 'table',
  calendars: 'calendar',
  receivers: 'receiver',
  policies: 'policy',
  rules: 'rule',
}

export function placeOf(path: Path): Place {
  const [section, name, ...rest] = path
  if (section === undefined) return 'file'
  if (section === 'settings') return ['settings', ...path.slice(1)].join('.')
  if (name === undefined) return String(section)
  const entry = entryNames[section] ?? String(section)
  const [key, item, ...below] = rest
  if (entry === 'rule' && key === 'with' && item !== undefined) return ['with', ...below].join('.')
  if (entry === 'rule' && (key === 'then' || key === 'resolved') && typeof item === 'number')
    return actionPlace(below)
  if (entry === 'rule' && key === 'respond') return ['action', ...rest].join('.')
  // An item of a list is a place like any other of the list.
  return [entry, ...rest.filter((part) => typeof part === 'string')].join('.')
}

/** What follows a command is an action in an action. */
function actionPlace(below: Path): Place {
  const [kind, list, item, ...deeper] = below
  const follows = kind === 'command' && (list === 'on_ack' || list === 'on_timeout')
  if (!follows || typeof item !== 'number') return ['action', ...below].join('.')
  return deeper.length === 0 ? 'following' : ['action', ...deeper].join('.')
}
