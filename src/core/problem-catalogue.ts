/**
 * The catalogue of problem codes, each with the sentence that titles it in docs/ERRORS.md
 * (a test holds the two together). Codes are stable: users search for them.
 */
export const problemCatalogue = {
  // topics
  'topic-empty': 'A topic or filter must have at least one character',
  'topic-too-long': 'A topic or filter is at most 65,535 bytes of UTF-8',
  'topic-invalid-character': 'A topic or filter cannot contain this character',
  'topic-wildcard-placement': 'A wildcard must fill a whole level, and # must come last',
  'topic-wildcard-in-name': 'A topic that is published to cannot contain wildcards',
  'topic-capture-name': 'A capture needs a name of its own that is not a built-in variable',
  'topic-shared-subscription': '$share is not written in a rule',
  // expressions
  'expr-syntax': 'The expression cannot be read',
  'expr-unknown-operator': 'There is no such operator or function',
  'expr-unknown-variable': 'There is no such variable here',
  'expr-arguments': 'The operator got the wrong number or kind of arguments',
  'expr-pattern': 'The regular expression cannot be used',
  'expr-limit': 'The expression is too large',
  // templates
  'template-syntax': 'The template cannot be read',
  'template-unknown-variable': 'There is no such variable here',
  'template-unknown-filter': 'There is no such filter',
  'template-unknown-tag': 'There is no such tag',
  'template-arguments': 'The filter got the wrong number or kind of arguments',
  'template-file-path': 'A file name must stay inside its folder',
  'template-limit': 'The template is too large',
  // rules
  'rule-captures-differ': 'The topics of a rule must capture the same levels',
  'rule-unknown-broker': 'No broker has this name',
  'rule-unknown-decoder': 'No decoder has this name',
  'rule-unknown-table': 'No table has this name',
  'rule-unknown-calendar': 'No calendar has this name',
  'rule-conflict': 'These keys make no sense together',
  'rule-does-nothing': 'A rule must do something',
  // actions
  'topic-reserved': 'Topics below tocsin/ are published by Tocsin itself',
  'log-file-name': 'A log file needs a plain name inside the log directory',
  'log-format': 'A log file needs a format',
  'log-columns': 'The columns of a log file cannot be used',
} as const

export type ProblemCode = keyof typeof problemCatalogue
