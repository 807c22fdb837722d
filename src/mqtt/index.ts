/** The MQTT adapter: brokers reached over the network, and a small one inside the process. */
export type { BrokerOptions } from './connect-options.ts'
export { type EmbeddedBroker, startEmbeddedBroker } from './embedded-broker.ts'
export { createBroker, type MqttBroker } from './mqtt-broker.ts'
