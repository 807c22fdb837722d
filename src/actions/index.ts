/** The actions that rules can take. A new one is a folder beside these and a line here. */
import type { Action } from '../ports/action.ts'
import { makeCommand } from './command/command.ts'
import { forward } from './forward/forward.ts'
import { log } from './log/log.ts'
import { notify } from './notify/notify.ts'
import { publish } from './publish/publish.ts'
import { respond } from './respond/respond.ts'

/** What may follow a command that has ended. */
const following = [publish, notify, log]

export const actions: readonly Action[] = [publish, forward, respond, makeCommand(following), notify, log]
