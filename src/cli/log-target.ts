/** The log files as a target of the engine's effects; tells people why lines wait, such as a full disk. */
import type { LineTarget } from '../engine/outgoing-line.ts'
import type { LogWriter } from '../files/log-writer.ts'
import type { Clock } from '../ports/clock.ts'
import type { Observer } from '../ports/observer.ts'

/** A failure that lasts is told again at this distance. */
const tellEveryMs = 60_000

export function logTarget(
  writer: LogWriter,
  observer: Pick<Observer, 'trouble'>,
  clock: Pick<Clock, 'now'>,
): LineTarget {
  let toldMs = Number.NEGATIVE_INFINITY
  const tell = (message: string) => {
    if (clock.now() - toldMs < tellEveryMs) return
    toldMs = clock.now()
    const help = 'Lines wait and are tried again; nothing else waits for them.'
    observer.trouble({ kind: 'log', message, help })
  }
  return {
    name: 'log',
    ready: () => true,
    async deliver(effect) {
      if (effect.kind !== 'log')
        return { ok: false, kind: 'permanent', message: 'the log writes no messages' }
      const [outcome] = await writer.write([effect])
      if (outcome?.ok === false && outcome.kind === 'temporary') tell(outcome.message)
      return outcome ?? { ok: true }
    },
  }
}
