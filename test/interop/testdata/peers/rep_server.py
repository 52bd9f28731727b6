"""Serves greet.v1.Greeter: rep_server.py bind|connect ENDPOINT."""

import sys

import zmq
from google.protobuf.message import DecodeError
from gozmq.v1 import wire_pb2
from greet.v1 import greet_pb2

INVALID_ARGUMENT, UNIMPLEMENTED = 3, 12


def answer(method, body):
    """Returns the status frame and the body frame."""
    try:
        if method != b"greet.v1.Greeter/SayHello":
            raise LookupError(f"no method {method.decode(errors='replace')}")
        name = greet_pb2.HelloRequest.FromString(body).name
        if not name:
            raise ValueError("name must not be empty")
    except (DecodeError, ValueError) as why:
        return wire_pb2.Status(code=INVALID_ARGUMENT, message=str(why)).SerializeToString(), b""
    except LookupError as why:
        return wire_pb2.Status(code=UNIMPLEMENTED, message=str(why)).SerializeToString(), b""
    return b"", greet_pb2.HelloReply(message=f"Hello, {name}!").SerializeToString()


sock = zmq.Context().socket(zmq.REP)
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
while True:
    method, body, *header = sock.recv_multipart()
    sock.send_multipart(answer(method, body))
