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
  ["zap", [KEY, ...], {USER: PASSWORD}]  -> ["zap"]; answers authentication requests
  ["zap_at", ENDPOINT]                   -> ["zap_at", ENDPOINT]; those of others, too

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
        self.sock = self.events = self.gate = None
        self.keys, self.users = [], {}

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

    def zap(self, keys, users):
        """Opens a ZAP handler (RFC 27) for the sockets of this process."""
        self.keys, self.users = [bytes.fromhex(k) for k in keys], users
        self.gate = self.ctx.socket(zmq.REP)
        self.gate.linger = 0
        self.gate.bind("inproc://zeromq.zap.01")
        emit("zap")

    def zap_at(self, endpoint):
        self.gate.bind(endpoint)
        emit("zap_at", self.gate.last_endpoint.decode())

    def judge(self):
        version, number, domain, address, identity, mechanism, *credentials = self.gate.recv_multipart()
        status, name = b"400", b""
        if domain == b"later":
            status = b"300"
        elif domain == b"broken":
            status = b"500"
        elif mechanism == b"CURVE" and credentials[0] in self.keys:
            status, name = b"200", b"key-%d" % self.keys.index(credentials[0])
        elif mechanism == b"PLAIN" and self.users.get(credentials[0].decode()) == credentials[1].decode():
            status, name = b"200", credentials[0]
        elif mechanism == b"NULL" and address == b"127.0.0.1":
            status, name = b"200", address
        metadata = b"\x04role\x00\x00\x00\x05guest" if status == b"200" else b""
        self.gate.send_multipart([b"1.0", number, status, b"judged", name, metadata])

    def poll(self, stdin):
        """Waits until a command, a message or a monitor event is there."""
        poller = zmq.Poller()
        poller.register(stdin, zmq.POLLIN)
        for sock in (self.sock, self.events, self.gate):
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
            if self.gate in ready:
                self.judge()
            if self.sock in ready:
                try:
                    emit("message", [f.hex() for f in self.sock.recv_multipart(zmq.NOBLOCK)])
                except zmq.Again:
                    pass  # libzmq can say so of a heartbeat
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
