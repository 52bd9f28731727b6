"""A plain ZeroMQ program: a PUSH socket that hands out messages of one frame."""

import sys
import threading

import zmq

socket = zmq.Context().socket(zmq.PUSH)
socket.linger = 0
print("tcp://127.0.0.1:%d" % socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)


def push():
    for n in range(1000):
        socket.send(b"work %d" % n)


threading.Thread(target=push, daemon=True).start()
sys.stdin.read()
