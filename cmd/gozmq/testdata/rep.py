"""A plain ZeroMQ program: a REP socket that answers one frame with one frame,
and greets whoever sends a HelloRequest without any other frame."""

import sys
import threading

import zmq

socket = zmq.Context().socket(zmq.REP)
print("tcp://127.0.0.1:%d" % socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)


def serve():
    while True:
        frames = socket.recv_multipart()
        if frames[0].startswith(b"\n"):  # field 1 of HelloRequest, a string
            text = b"Hello, " + frames[0][2:] + b"!"
            socket.send(b"\n" + bytes([len(text)]) + text)
        else:
            socket.send_multipart([b"%d frames, the last one %s" % (len(frames), frames[-1])])


threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
