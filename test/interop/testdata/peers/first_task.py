"""Hands out one task: first_task.py ENDPOINT."""

import sys

import zmq
from image.v1 import image_pb2

sock = zmq.Context().socket(zmq.PUSH)
sock.connect(sys.argv[1])
task = image_pb2.RenderTask(name="a.png", png=b"a large picture", size=64)
sock.send_multipart([b"image.v1.Thumbnails/Render", task.SerializeToString()])
