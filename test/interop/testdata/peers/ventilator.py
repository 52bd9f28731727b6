"""Hands out tasks: ventilator.py bind|connect ENDPOINT NAME..."""

import sys

import zmq
from image.v1 import image_pb2

sock = zmq.Context().socket(zmq.PUSH)
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
for name in sys.argv[3:]:
    task = image_pb2.RenderTask(name=name, png=b"a large picture", size=64)
    sock.send_multipart([b"image.v1.Thumbnails/Render", task.SerializeToString()])
sock.close()
sock.context.term()  # waits until everything is sent
