"""Keeps the last alert of each topic: retaining_publisher.py bind|connect ENDPOINT.

It publishes an alert for each line "REGION WORD" of its input.
"""

import random
import sys
import time

import zmq
from gozmq.v1 import wire_pb2
from weather.v1 import weather_pb2

sock = zmq.Context().socket(zmq.XPUB)
sock.xpub_verbose = 1  # else it tells only of the first subscription to each prefix
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
publisher, position = random.getrandbits(64) | 1, 0
last = {}  # by topic: the body and the header


def publish(region, text):
    global position
    topic = f"alerts/SEVERITY_WATCH/{region}".encode()  # regions that need no encoding
    position += 1
    header = wire_pb2.PublicationHeader(
        publisher=publisher, position=position, previous=last[topic][1].position if topic in last else 0,
        sequence=last[topic][1].sequence + 1 if topic in last else 1,
        time_us=time.time_ns() // 1000, retained=True)
    alert = weather_pb2.Alert(severity=weather_pb2.SEVERITY_WATCH, region=region, text=text)
    last[topic] = alert.SerializeToString(), header
    sock.send_multipart([topic, last[topic][0], header.SerializeToString()])


def replay(prefix):
    """Sends the last alerts to all subscribers; who knows them drops them by their position."""
    for topic, (body, header) in sorted(last.items(), key=lambda item: item[1][1].position):
        if topic.startswith(prefix):
            again = wire_pb2.PublicationHeader(replayed=True)
            again.MergeFrom(header)
            sock.send_multipart([topic, body, again.SerializeToString()])


poller = zmq.Poller()
poller.register(sock, zmq.POLLIN)
poller.register(sys.stdin.fileno(), zmq.POLLIN)
while True:
    ready = dict(poller.poll())
    if sock in ready:
        subscription = sock.recv()
        if subscription[:1] == b"\x01":
            replay(subscription[1:])
            print("replayed", flush=True)
    elif line := sys.stdin.readline():
        publish(*line.split())
        print("published", flush=True)
    else:
        break
