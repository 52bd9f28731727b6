"""A plain ZeroMQ program: a REQ socket that sends its arguments as frames, and
prints the frames of the reply."""

import sys

import zmq

socket = zmq.Context().socket(zmq.REQ)
socket.rcvtimeo = 60000
socket.connect(sys.argv[1])
socket.send_multipart([arg.encode() for arg in sys.argv[2:]])
print(socket.recv_multipart())
