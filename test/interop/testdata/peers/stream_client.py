"""Reads one stream to its end and cancels another: stream_client.py bind|connect ENDPOINT."""

import sys

import zmq
from chat.v1 import chat_pb2
from gozmq.v1 import wire_pb2

sock = zmq.Context().socket(zmq.DEALER)  # of one server: a DEALER deals to several in turn
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)


def send(number, method, body, **header):
    sock.send_multipart([b"%d" % number, b"", method, body, wire_pb2.RequestHeader(**header).SerializeToString()])


def watch(number, last):
    request = chat_pb2.WatchRequest(last=last).SerializeToString()
    send(number, b"chat.v1.Room/Watch", request, stream=wire_pb2.Stream(end=True))  # credit without limit
    while True:
        of, _, status, body, *header = sock.recv_multipart()
        header = wire_pb2.ReplyHeader.FromString(b"".join(header[:1]))
        if of != b"%d" % number:
            continue  # of a stream that was canceled
        if not header.HasField("stream"):
            status = wire_pb2.Status.FromString(status)
            return print("end", status.code, status.message, flush=True)
        if not header.stream.no_message:
            yield chat_pb2.Line.FromString(body)


for line in watch(1, 3):
    print("line", line.text, flush=True)
for line in watch(2, 0):
    print("line", line.text, flush=True)
    send(2, b"", b"", cancel=True)
    break
print("canceled", flush=True)
for line in watch(3, 1):
    print("line", line.text, flush=True)
