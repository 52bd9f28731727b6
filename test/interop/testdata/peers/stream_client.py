"""Reads one stream to its end and cancels another: stream_client.py bind|connect ENDPOINT."""

import sys

import zmq
from chat.v1 import chat_pb2
from gozmq.v1 import wire_pb2

sock = zmq.Context().socket(zmq.DEALER)  # of one server: a DEALER deals to several in turn
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)


def send(number, method, body, **header):
    sock.send_multipart([number, b"", method, body, wire_pb2.RequestHeader(**header).SerializeToString()])


def watch(number, last):
    send(number, b"chat.v1.Room/Watch", chat_pb2.WatchRequest(last=last).SerializeToString(), stream=wire_pb2.Stream(end=True))
    for of, _, status, body, *header in iter(sock.recv_multipart, None):
        header = wire_pb2.ReplyHeader.FromString(b"".join(header[:1]))
        if of == number and not header.HasField("stream"):  # others are of a stream that was canceled
            return print("end", wire_pb2.Status.FromString(status).code, flush=True)
        if of == number and not header.stream.no_message:
            yield chat_pb2.Line.FromString(body).text


for number, last in (b"1", 3), (b"2", 0), (b"3", 1):
    for text in watch(number, last):
        print("line", text, flush=True)
        if last == 0:  # a stream without end
            send(number, b"", b"", cancel=True)
            print("canceled", flush=True)
            break
