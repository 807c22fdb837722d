/** From a broker as it is configured to what the MQTT adapter is told. */
import type { BrokerDefinition } from '../config/configuration.ts'
import { embeddedPort } from '../config/sections/broker.ts'
import type { BrokerOptions } from '../mqtt/index.ts'

export function brokerOptions(
  name: string,
  definition: BrokerDefinition,
): BrokerOptions & { clientId: string } {
  const { tls, clientId, url, ...rest } = definition
  const port = embeddedPort(url)
  return {
    ...rest,
    url: port === null ? url : `mqtt://127.0.0.1:${port}`,
    name,
    clientId: clientId ?? `tocsin-${name}`,
    tls:
      tls === undefined
        ? undefined
        : {
            ca: tls.ca,
            cert: tls.cert,
            key: tls.key,
            serverName: tls.serverName,
            rejectUnauthorized: tls.verify,
          },
  }
}
