"""Renders prints: sureworker.py bind|connect TASKS bind|connect RESULTS."""

import sys

import zmq
from image.v1 import image_pb2

ctx = zmq.Context()
tasks, results = ctx.socket(zmq.DEALER), ctx.socket(zmq.DEALER)
getattr(tasks, sys.argv[1])(sys.argv[2])
getattr(results, sys.argv[3])(sys.argv[4])
print("ready", tasks.last_endpoint.decode(), results.last_endpoint.decode(), flush=True)
while True:
    tasks.send_multipart([b"CREDIT", b"1"])
    if not tasks.poll(1000):
        continue  # the ventilator may be a new one, which has no credit yet
    verb, *frames = tasks.recv_multipart()
    if verb == b"STOP":
        tasks.send_multipart([b"CREDIT", b"0"])
        while tasks.poll(500):  # a task may follow: it left before the ventilator knew
            verb, *frames = tasks.recv_multipart()
            if verb == b"TASK":
                tasks.send_multipart([b"RETURN", frames[0]])
        break
    id, method, body, *header = frames
    tasks.send_multipart([b"EXTEND", id])  # it is begun
    if method == b"image.v1.Prints/Render":
        task = image_pb2.RenderTask.FromString(body)
        png = task.png.replace(b"large", b"small")  # stands in for real work
        body = image_pb2.RenderResult(name=task.name, png=png, worker="python").SerializeToString()
    result = [b"RESULT", id, method, body, *header]
    results.send_multipart(result)
    answer, about, status = None, None, []
    while about != id:
        if results.poll(5000):
            answer, about, *status = results.recv_multipart()
        else:
            results.send_multipart(result)  # the sink may be a new one
    if answer == b"ACK":
        tasks.send_multipart([b"DONE", id])
    else:  # REJECT: the result is too large for the sink
        tasks.send_multipart([b"REJECT", id, *status])
print("stopped", flush=True)
