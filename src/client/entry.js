/**
 * What `import 'tocsin/client'` finds. In the checkout that is the source, which Node runs as it is; below
 * node_modules Node runs no TypeScript, and the package brings it compiled.
 */
const installed = /[\\/]node_modules[\\/]/.test(import.meta.dirname)
export const { connect, request, RequestError } = await (installed
  ? import('../../dist/client/index.js')
  : import('./index.ts'))
