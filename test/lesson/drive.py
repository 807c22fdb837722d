"""Constructs one of the clients and runs it against the broker on a port of this machine: drive.py CLIENT PORT …"""
import json
import sys
import threading

import paho.mqtt.client as mqtt

HOST = "127.0.0.1"


def publisher(port, client_id, interval):
    from sensor_publisher import SensorPublisher

    SensorPublisher(HOST, int(port), client_id).run(float(interval))


def logger(port, log_file):
    from sensor_logger import SensorLogger

    SensorLogger(HOST, int(port), log_file).run()


def router(port):
    from message_router import MessageRouter

    MessageRouter(HOST, int(port)).run()


def client(port, requests, timeout):
    """Asks one request after the other; prints each answer, or that there was none, as a line of JSON."""
    from request_response import MQTTRequestResponse

    asking = MQTTRequestResponse(HOST, int(port))
    subscribed = threading.Event()
    asking.client.on_subscribe = lambda *_: subscribed.set()
    asking.client.connect(HOST, int(port))
    asking.client.loop_start()
    subscribed.wait(10)
    for data in json.loads(requests):
        try:
            print(json.dumps(asking.send_request(data, float(timeout))))
        except TimeoutError as error:
            print(json.dumps(str(error)))
    asking.client.disconnect()
    asking.client.loop_stop()


def server(port, topic):
    from request_response import on_request

    answering = mqtt.Client()
    answering.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    answering.on_subscribe = lambda *_: print("ready")
    answering.on_message = on_request
    answering.connect(HOST, int(port))
    answering.loop_forever()


if __name__ == "__main__":
    clients = {"publisher": publisher, "logger": logger, "router": router, "client": client, "server": server}
    clients[sys.argv[1]](*sys.argv[2:])
