"""A plain ZeroMQ program: prints the first messages of a PULL or SUB socket."""

import sys

import zmq

socket = zmq.Context().socket(getattr(zmq, sys.argv[1]))
if sys.argv[1] == "SUB":
    socket.subscribe(b"")
socket.connect(sys.argv[2])
for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1):
    print(socket.recv_multipart(), flush=True)
