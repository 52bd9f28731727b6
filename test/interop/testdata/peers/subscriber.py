"""Prints the readings of one station: subscriber.py bind|connect ENDPOINT STATION."""

import sys
from urllib.parse import quote

import zmq
from weather.v1 import weather_pb2

wanted = f"weather/{quote(sys.argv[3], safe='')}/temperature".encode()
sock = zmq.Context().socket(zmq.SUB)
sock.subscribe(wanted[:245])
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
while True:
    topic, body, *_ = sock.recv_multipart()
    if topic == wanted:  # the publisher matched a prefix only
        reading = weather_pb2.Reading.FromString(body)
        print("reading", reading.station, reading.celsius, flush=True)
