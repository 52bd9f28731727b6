"""Calls greet.v1.Greeter/SayHello: req_client.py bind|connect ENDPOINT NAME..."""

import sys

import zmq
from gozmq.v1 import wire_pb2
from greet.v1 import greet_pb2

sock = zmq.Context().socket(zmq.REQ)
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
header = wire_pb2.RequestHeader(timeout_us=5_000_000).SerializeToString()
for name in sys.argv[3:]:
    request = greet_pb2.HelloRequest(name=name).SerializeToString()
    sock.send_multipart([b"greet.v1.Greeter/SayHello", request, header])
    status, body, *_ = sock.recv_multipart()
    if status:
        status = wire_pb2.Status.FromString(status)
        print("error", status.code, status.message, flush=True)
    else:
        print("reply", greet_pb2.HelloReply.FromString(body).message, flush=True)
