/** The MQTT adapter: brokers reached over the network, and a small one inside the process. */
export type { BrokerOptions, TlsOptions } from './connect-options.ts'
export { type EmbeddedBroker, startEmbeddedBroker } from './embedded-broker.ts'
export { type BrokerDeps, createBroker, type MqttBroker } from './mqtt-broker.ts'
