"""Prints results: sink.py bind|connect ENDPOINT."""

import sys

import zmq
from image.v1 import image_pb2

sock = zmq.Context().socket(zmq.PULL)
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
while True:
    method, body, *_ = sock.recv_multipart()
    if method == b"image.v1.Thumbnails/Render":
        result = image_pb2.RenderResult.FromString(body)
        print("result", result.name, result.worker, result.png.decode(), flush=True)
