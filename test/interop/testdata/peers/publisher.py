"""Publishes readings: publisher.py bind|connect ENDPOINT STATION=CELSIUS..."""

import sys
from urllib.parse import quote

import zmq
from weather.v1 import weather_pb2

sock = zmq.Context().socket(zmq.XPUB)  # a PUB that tells of its subscriptions
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
sock.recv()  # what is published before the first subscription reaches nobody
for argument in sys.argv[3:]:
    station, _, celsius = argument.rpartition("=")
    reading = weather_pb2.Reading(station=station, celsius=float(celsius))
    topic = f"weather/{quote(station, safe='')}/temperature"
    sock.send_multipart([topic.encode(), reading.SerializeToString()])
sock.close()
sock.context.term()  # waits until everything is sent
