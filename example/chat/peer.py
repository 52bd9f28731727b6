"""The chat's server and clients in Python, with nothing but pyzmq and protobuf.

    export PYTHONPATH=$(mktemp -d)
    protoc -I proto -I example/proto --python_out=$PYTHONPATH \\
        gozmq/v1/wire.proto chat/v1/chat.proto
    python3 example/chat/peer.py server
    python3 example/chat/peer.py upload Ada "first line" "second line"
    python3 example/chat/peer.py watch -last 2 -count 5
    python3 example/chat/peer.py talk Grace hello goodbye
"""

import argparse
import signal
import sys

import zmq
from chat.v1.chat_pb2 import Line, UploadSummary, WatchRequest
from gozmq.v1.wire_pb2 import ReplyHeader, RequestHeader, Status, Stream

FIRST = 64  # how many messages a client may send before the server grants more
INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED = 3, 9, 12


class Call:
    """A client's stream: a DEALER with one call. It reads without limit."""

    def __init__(self, endpoint, method, body, end):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.connect(endpoint)
        self.granted, self.sent = FIRST, 0  # bytes are limited too, to 65536; lines are short
        self.received, self.over = [], False
        stream = Stream(end=end, no_message=body is None)
        self.put(method.encode(), body or b"", RequestHeader(stream=stream))
        self.sent += body is not None

    def put(self, method, body, header=None):
        frames = [b"call", b"", method, body]
        self.socket.send_multipart(frames + ([header.SerializeToString()] if header else []))

    def send(self, body):
        while self.sent >= self.granted:
            self.read()
        self.put(b"", body)
        self.sent += 1

    def end(self):
        self.put(b"", b"", RequestHeader(stream=Stream(no_message=True, end=True)))

    def cancel(self):
        self.put(b"", b"", RequestHeader(cancel=True))

    def read(self):
        """Takes one reply: a message, credit, or the end of the call."""
        _, _, status, body, *header = self.socket.recv_multipart()
        header = ReplyHeader.FromString(header[0] if header else b"")
        if status:
            sys.exit("chat: " + Status.FromString(status).message)
        self.granted = max(self.granted, header.stream.max_messages)
        self.over = not header.HasField("stream")
        if not self.over and not header.stream.no_message:
            self.received.append(body)
        return body

    def messages(self):
        while True:
            while self.received:
                yield self.received.pop(0)
            if self.over:
                return
            self.read()


def watch(endpoint, last, count):
    call = Call(endpoint, "chat.v1.Room/Watch", WatchRequest(last=last).SerializeToString(), end=True)
    for n, body in enumerate(call.messages(), start=1):
        show(Line.FromString(body))
        if n == count:
            call.cancel()
            return


def upload(endpoint, author, texts):
    call = Call(endpoint, "chat.v1.Room/Upload", None, end=False)
    for text in texts:
        call.send(Line(author=author, text=text).SerializeToString())
    call.end()
    body = b""
    while not call.over:
        body = call.read()
    print(UploadSummary.FromString(body).lines, "lines added", flush=True)


def talk(endpoint, author, texts):
    call = Call(endpoint, "chat.v1.Room/Chat", None, end=False)
    for text in texts:
        call.send(Line(author=author, text=text).SerializeToString())
    call.end()
    for body in call.messages():
        show(Line.FromString(body))


def show(line):
    print(f"{line.author}: {line.text}", flush=True)


class Room:
    """The server: a ROUTER that keeps the lines and the streams that follow them."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.bind(endpoint)
        print("listening on", self.socket.last_endpoint.decode(), flush=True)
        self.lines, self.streams = [], {}

    def serve(self):
        while True:
            frames = self.socket.recv_multipart()
            split = frames.index(b"", 1) + 1  # behind the envelope
            method, body, *header = frames[split:]
            self.take(tuple(frames[:split]), method.decode(), body, RequestHeader.FromString(header[0] if header else b""))

    def take(self, envelope, method, body, header):
        if header.cancel:
            self.streams.pop(envelope, None)
            return
        if method:
            name = method.rpartition("/")[2]
            if name not in ("Watch", "Upload", "Chat") or not header.HasField("stream"):
                return self.end(envelope, Status(code=UNIMPLEMENTED, message="this is no method here"))
            self.streams[envelope] = {
                "name": name, "lines": [], "sent": 0, "taken": 0, "next": len(self.lines), "over": False,
                "credit": header.stream.max_messages or sys.maxsize,
            }
        stream = self.streams.get(envelope)
        if stream is None:
            if not header.stream.no_message:
                self.end(envelope, Status(code=FAILED_PRECONDITION, message="there is no such stream here"))
            return
        stream["credit"] = max(stream["credit"], header.stream.max_messages)
        if not header.stream.no_message:
            self.message(envelope, stream, body)
        stream["over"] = stream["over"] or header.stream.end
        if envelope not in self.streams:
            return
        if stream["over"] and stream["name"] == "Upload":
            self.add(stream["lines"])
            self.end(envelope, body=UploadSummary(lines=len(stream["lines"])).SerializeToString())
        self.flush()

    def message(self, envelope, stream, body):
        if stream["name"] == "Watch":
            stream["next"] = max(0, len(self.lines) - WatchRequest.FromString(body).last)
            return
        stream["taken"] += 1
        line = Line.FromString(body)
        if not line.author and stream["name"] == "Upload":
            return self.end(envelope, Status(code=INVALID_ARGUMENT, message=f"line {stream['taken']} has no author"))
        self.add([line]) if stream["name"] == "Chat" else stream["lines"].append(line)
        if stream["taken"] % (FIRST // 2) == 0:
            grant = Stream(max_messages=stream["taken"] + FIRST, max_bytes=1 << 62, no_message=True)
            self.socket.send_multipart([*envelope, b"", b"", ReplyHeader(stream=grant).SerializeToString()])

    def add(self, lines):
        self.lines.extend(lines)

    def flush(self):
        """Sends each stream what it has not got yet and has credit for."""
        for envelope, stream in list(self.streams.items()):
            if stream["name"] == "Upload":
                continue
            for line in self.lines[stream["next"]:]:
                if stream["sent"] >= stream["credit"]:
                    break
                header = ReplyHeader(stream=Stream()).SerializeToString()
                self.socket.send_multipart([*envelope, b"", line.SerializeToString(), header])
                stream["sent"] += 1
                stream["next"] += 1
            if stream["name"] == "Chat" and stream["over"] and stream["next"] == len(self.lines):
                self.end(envelope)

    def end(self, envelope, status=None, body=b""):
        self.streams.pop(envelope, None)
        self.socket.send_multipart([*envelope, status.SerializeToString() if status else b"", body])


signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the program without a traceback
parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["server", "watch", "upload", "talk"])
parser.add_argument("-endpoint", default="tcp://127.0.0.1:5559")
parser.add_argument("-last", type=int, default=0)
parser.add_argument("-count", type=int, default=0)
parser.add_argument("author", nargs="?")
parser.add_argument("texts", nargs="*")
args = parser.parse_intermixed_args()
if args.role == "server":
    Room(args.endpoint).serve()
elif args.role == "watch":
    watch(args.endpoint, args.last, args.count)
elif args.role == "upload":
    upload(args.endpoint, args.author, args.texts)
else:
    talk(args.endpoint, args.author, args.texts)
