/** The actions that rules can take. A new one is a folder beside these and a line here. */
import type { Action } from '../ports/action.ts'
import { forward } from './forward/forward.ts'
import { log } from './log/log.ts'
import { notify } from './notify/notify.ts'
import { publish } from './publish/publish.ts'
import { respond } from './respond/respond.ts'

export const actions: readonly Action[] = [publish, forward, respond, notify, log]
