import paho.mqtt.client as mqtt
import json
from datetime import datetime
import csv
import os

class SensorLogger:
    def __init__(self, broker, port=1883, log_file="sensor_data.csv"):
        self.broker = broker
        self.port = port
        self.log_file = log_file
        self.client = mqtt.Client("logger_001")

        # Set callbacks
        self.client.on_connect = self.on_connect
        self.client.on_message = self.on_message

        # Initialize CSV file
        if not os.path.exists(self.log_file):
            with open(self.log_file, 'w', newline='') as f:
                writer = csv.writer(f)
                writer.writerow(['timestamp', 'device_id', 'temperature', 'humidity', 'pressure'])

    def on_connect(self, client, userdata, flags, rc):
        if rc == 0:
            print(f"[✓] Connected to broker: {self.broker}")

            # Subscribe to all sensor data
            client.subscribe("sensors/+/data", qos=1)
            # Subscribe to device status
            client.subscribe("devices/+/status", qos=1)

            print("[✓] Subscribed to topics")
        else:
            print(f"[✗] Connection failed, code {rc}")

    def on_message(self, client, userdata, msg):
        topic = msg.topic
        payload = msg.payload.decode()

        # Handle device status
        if "/status" in topic:
            device_id = topic.split('/')[1]
            print(f"[STATUS] {device_id}: {payload}")
            return

        # Handle sensor data
        if "/data" in topic:
            try:
                data = json.loads(payload)
                device_id = topic.split('/')[1]

                print(f"[{datetime.now().strftime('%H:%M:%S')}] "
                      f"{device_id}: Temp={data['temperature']}°C, "
                      f"Humidity={data['humidity']}%, "
                      f"Pressure={data['pressure']}hPa")

                # Log to CSV
                with open(self.log_file, 'a', newline='') as f:
                    writer = csv.writer(f)
                    writer.writerow([
                        data['timestamp'],
                        device_id,
                        data['temperature'],
                        data['humidity'],
                        data['pressure']
                    ])

            except json.JSONDecodeError:
                print(f"[✗] Invalid JSON: {payload}")

    def run(self):
        """Connect and start logging"""
        self.client.connect(self.broker, self.port, keepalive=60)

        print(f"[✓] Logging to: {self.log_file}")
        print("[✓] Waiting for messages... (Ctrl+C to stop)")

        try:
            self.client.loop_forever()
        except KeyboardInterrupt:
            print("\n[!] Stopping logger...")
            self.client.disconnect()

if __name__ == "__main__":
    logger = SensorLogger(broker="192.168.1.100")
    logger.run()
