"""A plain ZeroMQ program: prints the first message of a PULL or SUB socket."""

import sys

import zmq

socket = zmq.Context().socket(getattr(zmq, sys.argv[1]))
if sys.argv[1] == "SUB":
    socket.subscribe(b"")
socket.connect(sys.argv[2])
print(socket.recv_multipart())
