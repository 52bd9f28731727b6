"""The thumbnails pipeline's ventilator, worker and sink in Python.

They need pyzmq and protobuf; the worker scales with Pillow.

    export PYTHONPATH=$(mktemp -d)
    protoc -I proto -I example/proto --python_out=$PYTHONPATH \\
        gozmq/v1/annotations.proto image/v1/image.proto
    python3 example/thumbnails/peer.py sink
    python3 example/thumbnails/peer.py worker
    python3 example/thumbnails/peer.py ventilator holiday.png garden.png
"""

import argparse
import io
import itertools
import os
import pathlib
import signal

import zmq
from image.v1.image_pb2 import RenderResult, RenderTask

METHOD = b"image.v1.Thumbnails/Render"


def ventilator(args):
    socket = zmq.Context.instance().socket(zmq.PUSH)
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.bind(args.tasks)
    print("listening on", socket.last_endpoint.decode(), flush=True)
    for _ in range(args.workers):
        monitor.recv_multipart()  # one for each worker that has connected
    for file in map(pathlib.Path, args.files):
        task = RenderTask(name=file.name, png=file.read_bytes(), size=64)
        socket.send_multipart([METHOD, task.SerializeToString()])


def worker(args):
    from PIL import Image

    tasks = zmq.Context.instance().socket(zmq.PULL)
    tasks.connect(args.tasks)
    results = zmq.Context.instance().socket(zmq.PUSH)
    results.connect(args.results)
    while True:
        method, body, *_ = tasks.recv_multipart()
        task = RenderTask.FromString(body)
        picture, png = Image.open(io.BytesIO(task.png)), io.BytesIO()
        picture.thumbnail((task.size, task.size))
        picture.save(png, "PNG")
        result = RenderResult(name=task.name, png=png.getvalue(), worker=args.name)
        results.send_multipart([method, result.SerializeToString()])


def sink(args):
    os.makedirs(args.out, exist_ok=True)
    socket = zmq.Context.instance().socket(zmq.PULL)
    socket.bind(args.results)
    print("listening on", socket.last_endpoint.decode(), flush=True)
    for done in itertools.count(1):
        method, body, *_ = socket.recv_multipart()
        result = RenderResult.FromString(body)
        print(done, result.name, "by", result.worker, flush=True)
        pathlib.Path(args.out, os.path.basename(result.name)).write_bytes(result.png)
        if done == args.count:
            break


signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the program without a traceback
parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["ventilator", "worker", "sink"])
parser.add_argument("-tasks", default="tcp://127.0.0.1:5557")
parser.add_argument("-results", default="tcp://127.0.0.1:5558")
parser.add_argument("-workers", type=int, default=1)
parser.add_argument("-name", default="python")
parser.add_argument("-count", type=int, default=0)
parser.add_argument("-out", default="thumbnails")
parser.add_argument("files", nargs="*")
args = parser.parse_intermixed_args()
{"ventilator": ventilator, "worker": worker, "sink": sink}[args.role](args)
