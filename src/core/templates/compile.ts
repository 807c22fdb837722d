/** The door to templates: what the rest of Tocsin compiles them with. */
export { compileText } from './text.ts'
export { compileValue } from './value.ts'
