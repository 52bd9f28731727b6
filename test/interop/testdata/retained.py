"""Prints alerts with what their header says: retained.py ENDPOINT COUNT."""

import sys

import zmq
from gozmq.v1 import wire_pb2
from weather.v1 import weather_pb2

sock = zmq.Context().socket(zmq.SUB)
sock.subscribe(b"alerts/")
sock.connect(sys.argv[1])
for _ in range(int(sys.argv[2])):
    topic, body, header = sock.recv_multipart()
    alert = weather_pb2.Alert.FromString(body)
    header = wire_pb2.PublicationHeader.FromString(header)
    print(topic.decode(), alert.text, header.sequence, header.retained, header.replayed, flush=True)
