/** Resolves when sockets that are ready were served once. */
export function afterOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
