"""The thumbnails pipeline's ventilator, worker and sink in Python.

They need pyzmq and protobuf; the worker scales with Pillow.

    export PYTHONPATH=$(mktemp -d)
    protoc -I proto -I example/proto --python_out=$PYTHONPATH \\
        gozmq/v1/annotations.proto gozmq/v1/wire.proto image/v1/image.proto
    python3 example/thumbnails/peer.py sink
    python3 example/thumbnails/peer.py worker
    python3 example/thumbnails/peer.py ventilator holiday.png garden.png

With -sure, no task is lost; the ventilator of such a pipeline is the one in Go.
"""

import argparse
import io
import itertools
import os
import pathlib
import signal
import time

import zmq
from gozmq.v1.wire_pb2 import TaskHeader
from image.v1.image_pb2 import RenderResult, RenderTask

METHOD = b"image.v1.Thumbnails/Render"
SURE_METHOD = b"image.v1.Prints/Render"


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
    tasks = zmq.Context.instance().socket(zmq.PULL)
    tasks.connect(args.tasks)
    results = zmq.Context.instance().socket(zmq.PUSH)
    results.connect(args.results)
    while True:
        method, body, *_ = tasks.recv_multipart()
        results.send_multipart([method, render(args, body)])


def render(args, body):
    from PIL import Image

    time.sleep(args.pause)
    task = RenderTask.FromString(body)
    picture, png = Image.open(io.BytesIO(task.png)), io.BytesIO()
    picture.thumbnail((task.size, task.size))
    picture.save(png, "PNG")
    return RenderResult(name=task.name, png=png.getvalue(), worker=args.name).SerializeToString()


def sure_worker(args):
    tasks, results = (zmq.Context.instance().socket(zmq.DEALER) for _ in range(2))
    tasks.connect(args.tasks)
    results.connect(args.results)
    while True:
        tasks.send_multipart([b"CREDIT", b"1"])
        if not tasks.poll(1000):
            continue  # the ventilator may be a new one, which has no credit yet
        word, *frames = tasks.recv_multipart()
        if word == b"STOP":
            break
        id, method, body, *header = frames
        result = [b"RESULT", id, method, render(args, body) if method == SURE_METHOD else b"", *header]
        results.send_multipart(result)
        while not results.poll(5000) or results.recv_multipart()[1] != id:
            results.send_multipart(result)  # the sink may be a new one
        tasks.send_multipart([b"DONE", id])


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


def sure_sink(args):
    os.makedirs(args.out, exist_ok=True)
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind(args.results)
    print("listening on", socket.last_endpoint.decode(), flush=True)
    seen, complete = set(), False
    while not complete:
        peer, _, id, method, body, *header = socket.recv_multipart()
        if method == b"":
            batch = TaskHeader.FromString(header[0]).batch
            complete = batch.complete
            print(batch.name, "has", batch.tasks, "tasks,", len(seen), "are rendered", flush=True)
        elif id not in seen:
            seen.add(id)
            result = RenderResult.FromString(body)
            print(len(seen), result.name, "by", result.worker, flush=True)
            pathlib.Path(args.out, os.path.basename(result.name)).write_bytes(result.png)
        socket.send_multipart([peer, b"ACK", id])


signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the program without a traceback
parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["ventilator", "worker", "sink"])
parser.add_argument("-tasks", default="tcp://127.0.0.1:5557")
parser.add_argument("-results", default="tcp://127.0.0.1:5558")
parser.add_argument("-workers", type=int, default=1)
parser.add_argument("-name", default="python")
parser.add_argument("-count", type=int, default=0)
parser.add_argument("-out", default="thumbnails")
parser.add_argument("-sure", action="store_true")
parser.add_argument("-pause", type=lambda text: float(text.removesuffix("ms")) / 1000, default=0)  # as "50ms"
parser.add_argument("files", nargs="*")
args = parser.parse_intermixed_args()
roles = {"ventilator": ventilator, "worker": worker, "sink": sink}
if args.sure:
    roles = {"worker": sure_worker, "sink": sure_sink}
roles[args.role](args)
