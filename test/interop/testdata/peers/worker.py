"""Renders thumbnails: worker.py bind|connect TASKS bind|connect RESULTS."""

import sys

import zmq
from image.v1 import image_pb2

ctx = zmq.Context()
tasks, results = ctx.socket(zmq.PULL), ctx.socket(zmq.PUSH)
getattr(tasks, sys.argv[1])(sys.argv[2])
getattr(results, sys.argv[3])(sys.argv[4])
print("ready", tasks.last_endpoint.decode(), results.last_endpoint.decode(), flush=True)
while True:
    method, body, *header = tasks.recv_multipart()
    if method == b"image.v1.Thumbnails/Render":
        task = image_pb2.RenderTask.FromString(body)
        png = task.png.replace(b"large", b"small")  # stands in for real work
        result = image_pb2.RenderResult(name=task.name, png=png, worker="python")
        results.send_multipart([method, result.SerializeToString(), *header])  # its batch, its metadata
