import paho.mqtt.client as mqtt
import json
import time
import uuid

class MQTTRequestResponse:
    def __init__(self, broker, port=1883):
        self.broker = broker
        self.port = port
        self.client = mqtt.Client()
        self.pending_requests = {}

        self.client.on_connect = self.on_connect
        self.client.on_message = self.on_message

    def on_connect(self, client, userdata, flags, rc):
        # Subscribe to response topic
        client.subscribe("response/#", qos=1)

    def on_message(self, client, userdata, msg):
        # Handle response
        request_id = msg.topic.split('/')[-1]
        if request_id in self.pending_requests:
            response = json.loads(msg.payload.decode())
            self.pending_requests[request_id] = response

    def send_request(self, request_data, timeout=5):
        """Send request and wait for response"""
        request_id = str(uuid.uuid4())
        self.pending_requests[request_id] = None

        # Publish request
        request = {
            'request_id': request_id,
            'data': request_data
        }
        self.client.publish("request", json.dumps(request), qos=1)

        # Wait for response
        start_time = time.time()
        while self.pending_requests[request_id] is None:
            if time.time() - start_time > timeout:
                del self.pending_requests[request_id]
                raise TimeoutError("Request timeout")
            time.sleep(0.1)

        response = self.pending_requests[request_id]
        del self.pending_requests[request_id]
        return response

# Server side (request handler)
def on_request(client, userdata, msg):
    request = json.loads(msg.payload.decode())
    request_id = request['request_id']

    # Process request
    result = {"status": "success", "result": "processed"}

    # Send response
    client.publish(f"response/{request_id}", json.dumps(result), qos=1)
