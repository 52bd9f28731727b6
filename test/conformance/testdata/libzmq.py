"""libzmq sockets, driven by one JSON command per line.

A command is [N, NAME, SOCKET, ARGUMENT, ...], where N numbers the commands and
SOCKET names the socket. Each is answered with [N, RESULT], or [N, null, ERROR],
when it is done: those that wait for a message, for room or for an event are
answered later than others that came after them. Frames and other bytes are
written in hexadecimal. End of input ends the process.

A ZAP handler (RFC 27), without which a PLAIN server of libzmq lets no one in,
accepts the user ada with the password lovelace, and every key.
"""

import json
import os
import sys

import zmq
from zmq.utils import monitor

ctx = zmq.Context()
zap = ctx.socket(zmq.REP)
zap.bind("inproc://zeromq.zap.01")
sockets = {}


def answer(number, *result):
    sys.stdout.write(json.dumps([number, *result]) + "\n")
    sys.stdout.flush()


def convert(value):
    return bytes.fromhex(value) if isinstance(value, str) else value


def encode(frames):
    return [bytes.fromhex(f) for f in frames]


def authenticate():
    version, request, _, _, _, mechanism, *credentials = zap.recv_multipart()
    good = mechanism == b"CURVE" or credentials == [b"ada", b"lovelace"]
    zap.send_multipart([version, request, b"200" if good else b"400", b"", b"", b""])


class Socket:
    def __init__(self, kind, options):
        self.sock = ctx.socket(getattr(zmq, kind))
        self.sock.linger = 0
        for name, value in options.items():
            self.sock.setsockopt(getattr(zmq, name), convert(value))
        self.monitor = self.sock.get_monitor_socket()
        self.events = []  # of the monitor, not yet awaited
        self.awaiting = []  # (N, name)
        self.receiving = []  # N
        self.sending = []  # (N, frames)

    def do_set(self, n, name, value):
        self.sock.setsockopt(getattr(zmq, name), convert(value))
        answer(n, True)

    def do_bind(self, n, endpoint):
        self.sock.bind(endpoint)
        answer(n, self.sock.last_endpoint.decode())

    def do_unbind(self, n, endpoint):
        self.sock.unbind(endpoint)
        answer(n, True)

    def do_connect(self, n, endpoint):
        self.sock.connect(endpoint)
        answer(n, True)

    def do_send(self, n, frames):
        """Waits until libzmq has taken the message."""
        self.sending.append((n, encode(frames)))
        self.progress()

    def do_flood(self, n, count, frames):
        """Sends up to count messages without waiting; how many were taken."""
        frames, sent = encode(frames), 0
        try:
            while sent < count:
                self.sock.send_multipart(frames, zmq.NOBLOCK)
                sent += 1
        except zmq.Again:
            pass
        answer(n, sent)

    def do_recv(self, n):
        self.receiving.append(n)
        self.progress()

    def do_await(self, n, event):
        """Waits for an event whose name begins so, and forgets those before."""
        self.awaiting.append((n, event))
        self.progress()

    def do_events(self, n):
        self.progress()
        answer(n, self.events)

    def do_close(self, n):
        self.sock.disable_monitor()
        self.sock.close(linger=0)
        answer(n, True)

    def progress(self):
        # libzmq does its housekeeping, such as adding a peer, in such calls.
        self.sock.getsockopt(zmq.EVENTS)
        while self.sending and self.sock.getsockopt(zmq.EVENTS) & zmq.POLLOUT:
            n, frames = self.sending.pop(0)
            try:
                self.sock.send_multipart(frames, zmq.NOBLOCK)
                answer(n, True)
            except zmq.Again:
                self.sending.insert(0, (n, frames))
                break
        while self.receiving and self.sock.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            frames = self.sock.recv_multipart()
            answer(self.receiving.pop(0), [f.hex() for f in frames])
        while self.monitor.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            event = monitor.recv_monitor_message(self.monitor)["event"]
            self.events.append(zmq.Event(event).name)
        while self.awaiting:
            n, prefix = self.awaiting[0]
            found = [i for i, event in enumerate(self.events) if event.startswith(prefix)]
            if not found:
                break
            self.awaiting.pop(0)
            self.events = self.events[found[0] + 1 :]
            answer(n, True)

    def register(self, poller):
        poller.register(self.monitor, zmq.POLLIN)
        poller.register(self.sock.FD, zmq.POLLIN)
        flags = (zmq.POLLIN if self.receiving else 0) | (zmq.POLLOUT if self.sending else 0)
        if flags:
            poller.register(self.sock, flags)


def carry_out(n, name, socket, *arguments):
    try:
        if name == "open":
            sockets[socket] = Socket(*arguments)
            answer(n, True)
        else:
            s = sockets[socket]
            if name == "close":
                del sockets[socket]
            getattr(s, "do_" + name)(n, *arguments)
    except (zmq.ZMQError, AttributeError, KeyError, TypeError) as why:
        answer(n, None, f"{type(why).__name__}: {why}")


def run(stdin):
    pending = b""
    while True:
        poller = zmq.Poller()
        poller.register(stdin, zmq.POLLIN)
        poller.register(zap, zmq.POLLIN)
        for s in sockets.values():
            s.register(poller)
        ready = dict(poller.poll())
        for s in sockets.values():
            s.progress()
        if zap in ready:
            authenticate()
        if stdin in ready:
            data = os.read(stdin, 1 << 16)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                carry_out(*json.loads(line))


run(sys.stdin.fileno())
ctx.destroy(linger=0)
