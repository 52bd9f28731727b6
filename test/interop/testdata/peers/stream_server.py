"""Serves chat.v1.Room/Watch: stream_server.py bind|connect ENDPOINT.

Who asks for the last N lines gets N and the end, who asks for none gets one after the
other until the call is canceled.
"""

import sys

import zmq
from chat.v1 import chat_pb2
from gozmq.v1 import wire_pb2

FAILED_PRECONDITION, UNIMPLEMENTED, NO_LIMIT = 9, 12, 1 << 64
MESSAGE = wire_pb2.ReplyHeader(stream=wire_pb2.Stream()).SerializeToString()  # 22 00

sock = zmq.Context().socket(zmq.ROUTER)
sock.router_mandatory = 1  # a client that is gone, or whose queue is full, is an error
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
streams = {}  # by envelope: lines to send, sent, bytes sent, and what may be sent of both


def reply(envelope, *frames):
    """Returns False when the client's queue is full, or the client is gone."""
    try:
        sock.send_multipart([*envelope, *frames], zmq.DONTWAIT)
    except zmq.Again:
        return False
    except zmq.ZMQError:
        streams.pop(envelope, None)
        return False
    return True


def fail(envelope, code, text):
    streams.pop(envelope, None)
    reply(envelope, wire_pb2.Status(code=code, message=text).SerializeToString(), b"")


def take(envelope, method, body, header):
    """Handles a message of a client."""
    granted = header.stream
    if header.cancel:
        print("canceled" if streams.pop(envelope, None) else "unknown", flush=True)
    elif method == b"chat.v1.Room/Watch" and header.HasField("stream"):
        last = chat_pb2.WatchRequest.FromString(body).last
        streams[envelope] = [last, 0, 0, granted.max_messages or NO_LIMIT, granted.max_bytes or NO_LIMIT]
    elif method:
        fail(envelope, UNIMPLEMENTED, "no such method, or not called as a stream")
    elif envelope not in streams:
        fail(envelope, FAILED_PRECONDITION, "no such stream")
    elif granted.no_message:
        streams[envelope][3:] = max(streams[envelope][3], granted.max_messages), max(streams[envelope][4], granted.max_bytes)
    else:
        fail(envelope, FAILED_PRECONDITION, "the method takes one request")


busy = False
while True:
    while sock.poll(0 if busy else 10):
        busy = True
        frames = sock.recv_multipart()
        end = frames.index(b"", 1) + 1
        envelope, (method, body, *header) = tuple(frames[:end]), frames[end:]
        take(envelope, method, body, wire_pb2.RequestHeader.FromString(b"".join(header[:1])))
    busy = False
    for envelope, stream in list(streams.items()):
        last, sent, size, messages, octets = stream
        if last and sent == last:
            if reply(envelope, b"", b""):
                del streams[envelope]
        elif sent < messages and size < octets:
            line = chat_pb2.Line(author="Ada", text=f"line {sent + 1}").SerializeToString()
            if reply(envelope, b"", line, MESSAGE):
                stream[1:3] = sent + 1, size + len(line)
                busy = busy or last > 0  # a stream without end sends one line in 10 ms
