"""Calls SayHello with CURVE and bounds: careful_call.py ENDPOINT SERVER_KEY PUBLIC SECRET."""

import sys

import zmq
from gozmq.v1 import wire_pb2
from greet.v1 import greet_pb2

sock = zmq.Context().socket(zmq.REQ)
sock.heartbeat_ivl, sock.heartbeat_timeout, sock.heartbeat_ttl = 10_000, 30_000, 30_000
sock.maxmsgsize = 4 << 20  # of one frame; libzmq closes the connection beyond it
sock.immediate = 1  # queues nothing for a server that is not there
sock.reconnect_ivl, sock.reconnect_ivl_max = 100, 30_000
sock.req_correlate = sock.req_relaxed = 1
sock.rcvtimeo, sock.sndtimeo, sock.linger = 5000, 5000, 0
sock.curve_serverkey, sock.curve_publickey, sock.curve_secretkey = (a.encode() for a in sys.argv[2:])
sock.connect(sys.argv[1])
header = wire_pb2.RequestHeader(timeout_us=5_000_000).SerializeToString()
sock.send_multipart([b"greet.v1.Greeter/SayHello", greet_pb2.HelloRequest(name="World").SerializeToString(), header])
status, body, *_ = sock.recv_multipart()
print("the call failed" if status else greet_pb2.HelloReply.FromString(body).message)
