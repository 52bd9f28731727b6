"""Prints results, and acknowledges them: suresink.py bind|connect ENDPOINT."""

import sys

import zmq
from gozmq.v1 import wire_pb2
from image.v1 import image_pb2

sock = zmq.Context().socket(zmq.ROUTER)
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
seen = set()  # a program that runs for long keeps the last ones only
while True:
    worker, verb, id, method, body, *header = sock.recv_multipart()
    if verb != b"RESULT":
        continue
    if id not in seen and method == b"image.v1.Prints/Render":
        result = image_pb2.RenderResult.FromString(body)
        print("result", result.name, result.worker, result.png.decode(), flush=True)
    elif id not in seen and not method and header:
        batch = wire_pb2.TaskHeader.FromString(header[0]).batch
        print("batch", batch.name, batch.tasks, batch.complete, batch.failed, flush=True)
    seen.add(id)
    sock.send_multipart([worker, b"ACK", id])  # also for one that came before
