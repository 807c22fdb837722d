/** Which network addresses are out in the internet, rather than this machine, its network or its cloud's inside. */
import { BlockList, isIP } from 'node:net'

/** IANA's special-purpose addresses of IPv4, and what is not for one receiver. */
const innerRanges: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
const inner = new BlockList()
for (const [network, prefix] of innerRanges) inner.addSubnet(network, prefix, 'ipv4')

/** False for what is no address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !inner.check(address, 'ipv4')
  const groups = family === 6 ? groupsOf(address) : null
  if (groups === null) return false
  const [first = 0, second = 0] = groups
  const embedded = (high: number) => {
    const [a = 0, b = 0] = groups.slice(high)
    return !inner.check([a >> 8, a & 255, b >> 8, b & 255].join('.'), 'ipv4')
  }
  const startsWith = (...start: number[]) => start.every((group, index) => groups[index] === group)
  // Addresses that carry one of IPv4: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16).
  if (startsWith(0, 0, 0, 0, 0, 0xffff) || startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return embedded(6)
  if (first === 0x2002) return embedded(1)
  // Of the rest only global unicast (2000::/3) leads out, without 2001::/23 (Teredo and others) and documentation.
  if (first < 0x2000 || first > 0x3fff) return false
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false
  return !(first === 0x3fff && second < 0x1000)
}

/** The eight groups of an address of IPv6, from the form in which URLs write it. */
function groupsOf(address: string): number[] | null {
  const host = URL.parse(`http://[${address.replace(/%.*$/, '')}]/`)?.hostname.slice(1, -1)
  if (host === undefined) return null
  const [head = '', tail] = host.split('::')
  const read = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [before, after] = [read(head), read(tail ?? '')]
  return tail === undefined
    ? before
    : [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}
