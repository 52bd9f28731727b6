"""Publishes one reading: first_publication.py ENDPOINT."""

import sys

import zmq
from weather.v1 import weather_pb2

sock = zmq.Context().socket(zmq.XPUB)  # a PUB that tells of its subscriptions
sock.connect(sys.argv[1])
sock.recv()  # waits for the first subscription: before it, nobody would get the reading
reading = weather_pb2.Reading(station="ams", celsius=12.5)
sock.send_multipart([b"weather/ams/temperature", reading.SerializeToString()])
