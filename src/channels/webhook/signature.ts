/** Signs what is sent, so that a receiver with the same secret can tell it from what others send. */
import { createHmac } from 'node:crypto'

export const signatureHeader = 'X-Tocsin-Signature'

/**
 * `t=<seconds since the epoch>,v1=<hex>`: HMAC-SHA256 of the time, a dot and the body's bytes. The receiver refuses
 * what is older than some minutes, so that nobody can send it again.
 */
export function signature(secret: string, body: Buffer, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000)
  const mac = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')
  return `t=${seconds},v1=${mac}`
}
