/** The named limits of a configuration. Passing one is a problem that says so. */
export const configLimits = {
  fileSizeBytes: 1024 * 1024,
  totalSizeBytes: 32 * 1024 * 1024,
  files: 1_000,
  directoryDepth: 16,
  /** Entries of all directories together, rules files or not: the directory may be somebody's home. */
  directoryEntries: 100_000,
  yamlDepth: 64,
  /** Keys, values and items of one file, after aliases are expanded. */
  yamlNodes: 500_000,
  /** Values that the aliases of one file add by repeating what they name. */
  yamlAliasNodes: 100_000,
  secretFileSizeBytes: 64 * 1024,
  rules: 100_000,
  problems: 1_000,
  nameLength: 100,
  receivers: 10_000,
  policies: 1_000,
  policySteps: 20,
  policyMutes: 20,
  receiversOfStep: 50,
  inhibits: 1_000,
} as const
