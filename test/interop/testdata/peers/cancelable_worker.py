"""Works in steps, says how far it is, and ends canceled tasks: cancelable_worker.py bind|connect TASKS."""

import sys

import zmq
from image.v1 import image_pb2

tasks = zmq.Context().socket(zmq.DEALER)
getattr(tasks, sys.argv[1])(sys.argv[2])
print("ready", tasks.last_endpoint.decode(), flush=True)
while True:
    tasks.send_multipart([b"CREDIT", b"1", b"cancel"])
    if not tasks.poll(1000):
        continue  # the ventilator may be a new one, which has no credit yet
    verb, *frames = tasks.recv_multipart()
    if verb == b"STOP":
        break
    if verb != b"TASK":
        continue  # CANCEL of a task that has ended
    id, method, body, *header = frames
    name = image_pb2.RenderTask.FromString(body).name
    steps = 2 if name.startswith("short") else 10_000
    for step in range(steps):
        progress = [b"%.4f" % (step / steps), b"step %d" % step]
        tasks.send_multipart([b"EXTEND", id, b"", b"", b"", *progress])  # it runs
        if not tasks.poll(50):  # stands in for real work
            continue
        verb, *frames = tasks.recv_multipart()
        if verb == b"CANCEL" and frames[0] == id:
            tasks.send_multipart([b"RETURN", id])
            print("canceled", name, flush=True)
            break
    else:
        tasks.send_multipart([b"DONE", id])  # nobody wants its result
        print("done", name, flush=True)
print("stopped", flush=True)
