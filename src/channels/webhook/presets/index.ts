/** The services whose form is known. To add one: a file beside this one, and a line here. */
import { discord } from './discord.ts'
import { ntfy } from './ntfy.ts'
import { pagerduty } from './pagerduty.ts'
import type { Preset } from './preset.ts'
import { slack } from './slack.ts'
import { telegram } from './telegram.ts'

export const presets = { slack, discord, telegram, ntfy, pagerduty } satisfies Record<string, Preset>
