"""Holds calls until they are given up: cancelable_server.py bind|connect ENDPOINT."""

import sys

import zmq
from gozmq.v1 import wire_pb2
from greet.v1 import greet_pb2

sock = zmq.Context().socket(zmq.ROUTER)
sock.setsockopt(zmq.METADATA, b"X-Gozmq:1")  # who says so must take cancels for what they are
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
running = {}
while True:
    frames = sock.recv_multipart()
    end = frames.index(b"") + 1
    envelope, (method, body, *header) = tuple(frames[:end]), frames[end:]
    header = wire_pb2.RequestHeader.FromString(b"".join(header[:1]))
    if not method and header.cancel:
        print("canceled", running.pop(envelope, "nothing"), flush=True)
        continue  # no answer to the message itself
    name = greet_pb2.HelloRequest.FromString(body).name
    if name.startswith("wait"):
        running[envelope] = name
        print("running", name, flush=True)
        continue
    reply = greet_pb2.HelloReply(message=f"Hello, {name}!")
    sock.send_multipart([*envelope, b"", reply.SerializeToString()])
