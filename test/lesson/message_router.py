import paho.mqtt.client as mqtt
import json

class MessageRouter:
    def __init__(self, broker, port=1883):
        self.broker = broker
        self.port = port
        self.client = mqtt.Client()
        self.client.on_connect = self.on_connect
        self.client.on_message = self.on_message

        # Routing rules
        self.routes = {
            'sensors/+/temperature': self.handle_temperature,
            'sensors/+/alert': self.handle_alert,
            'devices/+/command': self.handle_command
        }

    def on_connect(self, client, userdata, flags, rc):
        # Subscribe to all routing topics
        for topic in self.routes.keys():
            client.subscribe(topic, qos=1)
            print(f"Subscribed to: {topic}")

    def on_message(self, client, userdata, msg):
        # Find matching route
        for pattern, handler in self.routes.items():
            if self.topic_matches(msg.topic, pattern):
                handler(msg)
                break

    def topic_matches(self, topic, pattern):
        """Simple topic matching with + wildcard"""
        topic_parts = topic.split('/')
        pattern_parts = pattern.split('/')

        if len(topic_parts) != len(pattern_parts):
            return False

        for t, p in zip(topic_parts, pattern_parts):
            if p != '+' and t != p:
                return False
        return True

    def handle_temperature(self, msg):
        device_id = msg.topic.split('/')[1]
        temp = float(msg.payload.decode())
        print(f"Temperature from {device_id}: {temp}°C")

        # Route to alerting if high temperature
        if temp > 35.0:
            self.client.publish(
                f"sensors/{device_id}/alert",
                json.dumps({"type": "high_temp", "value": temp}),
                qos=1
            )

    def handle_alert(self, msg):
        device_id = msg.topic.split('/')[1]
        alert = json.loads(msg.payload.decode())
        print(f"[ALERT] {device_id}: {alert}")

    def handle_command(self, msg):
        device_id = msg.topic.split('/')[1]
        command = msg.payload.decode()
        print(f"[COMMAND] {device_id}: {command}")

    def run(self):
        self.client.connect(self.broker, self.port)
        self.client.loop_forever()
