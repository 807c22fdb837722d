import paho.mqtt.client as mqtt
import time
import json
from datetime import datetime
import random

class SensorPublisher:
    def __init__(self, broker, port=1883, client_id="sensor_rpi001"):
        self.broker = broker
        self.port = port
        self.client_id = client_id
        self.client = mqtt.Client(client_id)

        # Set callbacks
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = self.on_disconnect
        self.client.on_publish = self.on_publish

        # Set Last Will
        self.client.will_set(
            f"devices/{client_id}/status",
            payload="offline",
            qos=1,
            retain=True
        )

    def on_connect(self, client, userdata, flags, rc):
        if rc == 0:
            print(f"[✓] Connected to broker: {self.broker}")
            # Publish online status
            self.client.publish(
                f"devices/{self.client_id}/status",
                "online",
                qos=1,
                retain=True
            )
        else:
            print(f"[✗] Connection failed, code {rc}")

    def on_disconnect(self, client, userdata, rc):
        if rc != 0:
            print(f"[!] Unexpected disconnect, code {rc}")
        else:
            print("[✓] Disconnected")

    def on_publish(self, client, userdata, mid):
        print(f"  → Message {mid} published")

    def read_sensors(self):
        """Simulate sensor readings"""
        return {
            "timestamp": datetime.now().isoformat(),
            "temperature": round(random.uniform(20.0, 30.0), 2),
            "humidity": round(random.uniform(40.0, 70.0), 2),
            "pressure": round(random.uniform(1000, 1020), 1)
        }

    def publish_sensor_data(self):
        """Read and publish sensor data"""
        data = self.read_sensors()

        # Publish to separate topics
        self.client.publish(
            f"sensors/{self.client_id}/temperature",
            data['temperature'],
            qos=1
        )
        self.client.publish(
            f"sensors/{self.client_id}/humidity",
            data['humidity'],
            qos=1
        )

        # Publish aggregated JSON
        self.client.publish(
            f"sensors/{self.client_id}/data",
            json.dumps(data),
            qos=1
        )

        print(f"[{datetime.now().strftime('%H:%M:%S')}] Published: {data}")

    def run(self, interval=10):
        """Connect and start publishing"""
        self.client.connect(self.broker, self.port, keepalive=60)
        self.client.loop_start()

        try:
            while True:
                self.publish_sensor_data()
                time.sleep(interval)

        except KeyboardInterrupt:
            print("\n[!] Stopping publisher...")
        finally:
            # Graceful shutdown
            self.client.publish(
                f"devices/{self.client_id}/status",
                "offline",
                qos=1,
                retain=True
            )
            self.client.disconnect()
            self.client.loop_stop()

if __name__ == "__main__":
    publisher = SensorPublisher(broker="192.168.1.100")
    publisher.run(interval=10)
