/** Whether the clock can be trusted: times in alerts, schedules and certificates hang on it. */
import { existsSync } from 'node:fs'
import type { Finding, Section } from '../finding.ts'

export interface ClockWorld {
  /** Wall clock, ms since the epoch. */
  readonly wallNow: () => number
  /** A clock that nobody sets, ms. */
  readonly steadyNow: () => number
  /** IANA name of the time zone of rules and texts. */
  readonly zone: string
  /** Below it systemd says whether the clock is kept right. */
  readonly timesyncDirectory: string
  /** How far the clock of somebody else's server is ahead of ours, ms; null when none was asked. */
  readonly aheadMs: Promise<{ readonly whose: string; readonly ms: number } | null>
}

/** Nobody ran this program before. */
const firstYear = 2026
/** What a step of the clock, and not its slow steering, makes. */
const jumpMs = 1_000
/** Answers travel, and say whole seconds. */
const differenceMs = 30_000

export function clockSection(world: ClockWorld): Section {
  return {
    title: 'Clock',
    async run(tell) {
      const [wallMs, steadyMs] = [world.wallNow(), world.steadyNow()]
      const ahead = await world.aheadMs
      const jumpedMs = world.wallNow() - wallMs - (world.steadyNow() - steadyMs)
      const findings = clockFindings({
        nowMs: world.wallNow(),
        jumpedMs,
        zone: world.zone,
        sync: syncState(world.timesyncDirectory),
        ahead,
      })
      for (const finding of findings) tell(finding)
    },
  }
}

type Sync = 'kept' | 'not-yet' | 'unknown'

/** systemd-timesyncd makes a file when it has set the clock from the network. */
function syncState(directory: string): Sync {
  if (existsSync(`${directory}/synchronized`)) return 'kept'
  return existsSync(directory) ? 'not-yet' : 'unknown'
}

export function clockFindings(seen: {
  readonly nowMs: number
  readonly jumpedMs: number
  readonly zone: string
  readonly sync: Sync
  readonly ahead: { readonly whose: string; readonly ms: number } | null
}): readonly Finding[] {
  const { nowMs, jumpedMs, zone, sync, ahead } = seen
  const check = 'clock'
  const shown = new Intl.DateTimeFormat('sv-SE', {
    dateStyle: 'short',
    timeStyle: 'short',
    timeZone: zone,
  }).format(nowMs)
  const next = 'Turn on time synchronisation: `sudo timedatectl set-ntp true`.'
  if (new Date(nowMs).getUTCFullYear() < firstYear) {
    const cause = 'A small computer without a battery starts in the past until it has asked the network.'
    return [{ check, state: 'fail', what: `The clock says ${shown}, which cannot be.`, cause, next }]
  }
  if (ahead !== null && Math.abs(ahead.ms) > differenceMs) {
    const by = Math.round(Math.abs(ahead.ms) / 1_000)
    const what = `The clock says ${shown}, ${by} s ${ahead.ms > 0 ? 'behind' : 'ahead of'} that of ${ahead.whose}.`
    return [{ check, state: 'warn', what, next }]
  }
  if (Math.abs(jumpedMs) > jumpMs) {
    const by = Math.round(Math.abs(jumpedMs) / 1_000)
    const what = `The clock was set by ${by} s ${jumpedMs > 0 ? 'forwards' : 'backwards'} while this ran.`
    return [
      {
        check,
        state: 'warn',
        what,
        cause: 'Something sets it again and again, or it was wrong until now.',
        next,
      },
    ]
  }
  if (sync === 'not-yet') {
    return [
      {
        check,
        state: 'warn',
        what: `It is ${shown} in ${zone}, but the clock was not set from the network yet.`,
        next,
      },
    ]
  }
  const kept = sync === 'kept' ? ', kept right from the network' : ''
  const agreed = ahead === null ? '' : `, as at ${ahead.whose}`
  return [{ check, state: 'ok', what: `It is ${shown} in ${zone}${kept}${agreed}.` }]
}
