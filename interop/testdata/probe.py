"""A libzmq socket in another process, driven by one JSON command per line.

Commands come on standard input, events go to standard output, both as JSON
arrays. Frames are written in hexadecimal.

  ["open", TYPE, {OPTION: VALUE, ...}]   makes the socket, e.g. "DEALER"
  ["bind", ENDPOINT]                     -> ["bound", ENDPOINT]
  ["unbind", ENDPOINT]                   -> ["unbound", ENDPOINT]
  ["connect", ENDPOINT]                  -> ["connecting", ENDPOINT]
  ["set", OPTION, VALUE]                 -> ["set", OPTION]
  ["send", [FRAME, ...]]                 -> ["sent"] or ["failed", WHY]
  ["close"]                              -> ["closed"]

Every message that arrives gives ["message", [FRAME, ...]], every event of the
socket's monitor ["monitor", NAME]. An option's value is a number, or text in
hexadecimal. End of input ends the process.
"""

import json
import os
import sys

import zmq
from zmq.utils import monitor


def emit(*event):
    print(json.dumps(event), flush=True)


def convert(value):
    return bytes.fromhex(value) if isinstance(value, str) else value


class Probe:
    def __init__(self):
        self.ctx = zmq.Context()
        self.sock = self.events = None

    def open(self, kind, options):
        self.sock = self.ctx.socket(getattr(zmq, kind))
        self.sock.linger = 0
        for name, value in options.items():
            self.sock.setsockopt(getattr(zmq, name), convert(value))
        self.events = self.sock.get_monitor_socket()

    def set(self, name, value):
        self.sock.setsockopt(getattr(zmq, name), convert(value))
        emit("set", name)

    def bind(self, endpoint):
        self.sock.bind(endpoint)
        emit("bound", self.sock.last_endpoint.decode())

    def unbind(self, endpoint):
        self.sock.unbind(endpoint)
        emit("unbound", endpoint)

    def connect(self, endpoint):
        self.sock.connect(endpoint)
        emit("connecting", endpoint)

    def send(self, frames):
        try:
            self.sock.send_multipart([bytes.fromhex(f) for f in frames], zmq.NOBLOCK)
            emit("sent")
        except zmq.ZMQError as why:
            emit("failed", why.strerror)

    def close(self):
        self.sock.disable_monitor()
        self.sock.close()
        self.sock = self.events = None
        emit("closed")

    def poll(self, stdin):
        """Waits until a command, a message or a monitor event is there."""
        poller = zmq.Poller()
        poller.register(stdin, zmq.POLLIN)
        for sock in (self.sock, self.events):
            if sock is not None and not sock.closed:
                poller.register(sock, zmq.POLLIN)
        return dict(poller.poll())

    def run(self, stdin):
        pending = b""
        while True:
            ready = self.poll(stdin)
            if self.events in ready:
                event = monitor.recv_monitor_message(self.events)["event"]
                emit("monitor", zmq.Event(event).name)
            if self.sock in ready:
                emit("message", [f.hex() for f in self.sock.recv_multipart()])
            if stdin in ready:
                data = os.read(stdin, 1 << 16)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    command, *args = json.loads(line)
                    getattr(self, command)(*args)


probe = Probe()
probe.run(sys.stdin.fileno())
probe.ctx.destroy(linger=0)
