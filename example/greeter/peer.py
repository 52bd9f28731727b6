"""The greeter's server and client in Python, with nothing but pyzmq and protobuf.

    export PYTHONPATH=$(mktemp -d)
    protoc -I proto -I example/proto --python_out=$PYTHONPATH \\
        gozmq/v1/annotations.proto gozmq/v1/wire.proto greet/v1/greet.proto
    python3 example/greeter/peer.py server
    python3 example/greeter/peer.py client Ada Grace
"""

import argparse
import signal
import sys

import zmq
from gozmq.v1.wire_pb2 import Status
from greet.v1.greet_pb2 import HelloReply, HelloRequest

INVALID_ARGUMENT = 3


def server(endpoint):
    socket = zmq.Context.instance().socket(zmq.REP)
    socket.bind(endpoint)
    print("listening on", socket.last_endpoint.decode(), flush=True)
    while True:
        method, body, *_ = socket.recv_multipart()
        request = HelloRequest.FromString(body)
        if request.name:
            print("greeting", request.name, flush=True)
            status, reply = b"", HelloReply(message=f"Hello, {request.name}!").SerializeToString()
        else:
            status, reply = Status(code=INVALID_ARGUMENT, message="name must not be empty").SerializeToString(), b""
        socket.send_multipart([status, reply])


def client(endpoint, names):
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.connect(endpoint)
    for name in names:
        socket.send_multipart([b"greet.v1.Greeter/SayHello", HelloRequest(name=name).SerializeToString()])
        status, body, *_ = socket.recv_multipart()
        if status:
            sys.exit(f"greet {name!r}: {Status.FromString(status).message}")
        print(HelloReply.FromString(body).message)


signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the program without a traceback
parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["server", "client"])
parser.add_argument("-endpoint", default="tcp://127.0.0.1:5555")
parser.add_argument("names", nargs="*")
args = parser.parse_intermixed_args()
if args.role == "server":
    server(args.endpoint)
else:
    client(args.endpoint, args.names)
