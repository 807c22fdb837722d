#!/usr/bin/env node
/** Where the program begins: what was compiled last time is taken from Node's cache, which halves the start. */
import { enableCompileCache } from 'node:module'

enableCompileCache()
const { start } = await import('./compose.ts')
process.exitCode = await start()
