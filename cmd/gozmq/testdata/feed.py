"""A plain ZeroMQ program: a PUB socket that publishes again and again."""

import sys
import threading

import zmq

socket = zmq.Context().socket(zmq.PUB)
print("tcp://127.0.0.1:%d" % socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
done = threading.Event()


def publish():
    while not done.wait(0.02):
        socket.send_multipart([b"weather/ams/temperature", b"\n\x03ams"])
        socket.send_multipart([b"hashblock", b"\x00\x01", b"\x07\x00\x00\x00"])


thread = threading.Thread(target=publish)
thread.start()
sys.stdin.read()
done.set()
thread.join()
