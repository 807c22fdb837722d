/**
 * Name resolution that answers only with addresses out in the internet. It runs when connecting, so that a name
 * which first led outside and then inside (DNS rebinding) does not get there.
 */
import { type LookupAddress, lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from './address-guard.ts'

export const notAllowedCode = 'TOCSIN_NOT_ALLOWED'

export function notAllowed(): NodeJS.ErrnoException {
  return Object.assign(new Error('a private address'), { code: notAllowedCode })
}

type Resolve = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void

const system: Resolve = (host, done) =>
  lookup(host, { all: true, verbatim: true }, (error, addresses) => done(error, addresses ?? []))

/** `resolve` is the system's, unless a test stands in for a name server. */
export function guardedLookup(resolve: Resolve = system): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, addresses) => {
      const wanted = options.family === 4 || options.family === 6 ? options.family : null
      const outside = addresses.filter(
        ({ address, family }) => isPublicAddress(address) && (wanted === null || family === wanted),
      )
      const [first] = outside
      if (error !== null) callback(error, '', 0)
      else if (first === undefined) callback(notAllowed(), '', 0)
      else if (options.all === true) callback(null, outside)
      else callback(null, first.address, first.family)
    })
  }
}
