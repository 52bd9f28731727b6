"""Calls greet.v1.Greeter/SayHello once: first_call.py ENDPOINT."""

import sys

import zmq
from greet.v1 import greet_pb2

sock = zmq.Context().socket(zmq.REQ)
sock.connect(sys.argv[1])
request = greet_pb2.HelloRequest(name="World")
sock.send_multipart([b"greet.v1.Greeter/SayHello", request.SerializeToString()])
status, body, *_ = sock.recv_multipart()
print("the call failed" if status else greet_pb2.HelloReply.FromString(body).message)
