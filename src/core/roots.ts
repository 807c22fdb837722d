/** The variables that a condition or a template may begin with, and how each is read from a scope of type S. */

/**
 * `resolve` is asked once, when the text is compiled: it gives the accessor of a root variable, or null when
 * there is none of that name. An accessor returns undefined when the variable has no value in this scope.
 * `names` lists every root, for "did you mean".
 */
export interface Roots<S> {
  resolve(name: string): ((scope: S) => unknown) | null
  names(): readonly string[]
}
