/** Where Twilio calls us. Below the configured public address, so that signatures are over what we know. */

/** Paths below `public_url`, and so of the listener. */
export const callbackPaths = { status: '/twilio/status', inbound: '/twilio/inbound' } as const

/** The delivery is named in the address: the report finds it also when the answer to our request was lost. */
export function statusCallbackUrl(publicUrl: string, deliveryId: string): string {
  return `${publicUrl}${callbackPaths.status}?delivery=${encodeURIComponent(deliveryId)}`
}

/** What people write into the Twilio console for incoming messages. */
export function inboundUrl(publicUrl: string): string {
  return `${publicUrl}${callbackPaths.inbound}`
}
