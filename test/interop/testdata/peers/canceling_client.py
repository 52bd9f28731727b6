"""Gives up a call: canceling_client.py connect ENDPOINT."""

import sys

import zmq
from gozmq.v1 import wire_pb2
from greet.v1 import greet_pb2

sock = zmq.Context().socket(zmq.DEALER)  # of one server: a DEALER deals to several in turn
sock.setsockopt(zmq.METADATA, b"X-Gozmq:1")  # before connect: the server sees it in READY
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)


def send(number, method, body, **header):
    header = wire_pb2.RequestHeader(**header).SerializeToString()
    sock.send_multipart([number.to_bytes(8, "big"), b"", method, body, header])  # an id of 8 bytes


def call(number, name):
    send(number, b"greet.v1.Greeter/SayHello", greet_pb2.HelloRequest(name=name).SerializeToString())


def receive():
    """Returns the frames of the next reply, and prints how the call ended."""
    frames = sock.recv_multipart(copy=False)
    number, _, status, body = (bytes(f.buffer) for f in frames[:4])
    status = wire_pb2.Status.FromString(status)
    reply = status.message or greet_pb2.HelloReply.FromString(body).message
    print("call", int.from_bytes(number, "big"), status.code, reply, flush=True)
    return frames


call(1, "World")
try:
    ours = receive()[0].get("X-Gozmq") == "1"  # zmq_msg_gets, of any frame of a message
except zmq.ZMQError:  # the server did not announce it
    ours = False
if ours:
    call(2, "wait")
    sys.stdin.readline()
    send(2, b"", b"", cancel=True)
    call(3, "again")
    receive()
    receive()
print("cancel", "sent" if ours else "not understood", flush=True)
