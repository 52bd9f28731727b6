"""Binds a socket of each type, and prints what gozmq doctor says of it."""

import subprocess

import zmq

context = zmq.Context()
for kind in "REQ REP DEALER ROUTER PUB SUB XPUB XSUB PUSH PULL PAIR".split():
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 0
    at = "tcp://127.0.0.1:%d" % socket.bind_to_random_port("tcp://127.0.0.1")
    doctor = subprocess.run(["gozmq", "doctor", at], capture_output=True, text=True)
    lines = doctor.stdout.replace(at, "tcp://10.0.0.7:5555").splitlines()
    found = next((n for n, line in enumerate(lines) if line.startswith("  socket")), 1)
    print("\n".join(lines[found:]) + doctor.stderr, flush=True)
    if doctor.returncode:
        print("exit code", doctor.returncode, flush=True)
    socket.close()
