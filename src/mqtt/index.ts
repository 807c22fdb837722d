/** The MQTT adapter: brokers reached over the network. The one inside the process is `embedded-broker.ts`. */
export type { BrokerOptions } from './connect-options.ts'
export { createBroker, type MqttBroker } from './mqtt-broker.ts'
