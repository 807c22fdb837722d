/** The machine's own clock, for tests of parts that talk to real programs. */
import { systemClock } from '../../src/engine/system-clock.ts'

export const realClock = systemClock()
