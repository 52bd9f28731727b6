"""Hands out prints until all are done: sureventilator.py bind|connect ENDPOINT NAME..."""

import os
import sys
import time
from collections import deque

import zmq
from gozmq.v1 import wire_pb2
from image.v1 import image_pb2

LEASE, ATTEMPTS, PAUSE = 1.0, 5, 0.1

sock = zmq.Context().socket(zmq.ROUTER)
sock.router_mandatory = 1  # else what is sent to a worker that is gone vanishes silently
getattr(sock, sys.argv[1])(sys.argv[2])
print("ready", sock.last_endpoint.decode(), flush=True)
waiting = deque((os.urandom(16), name) for name in sys.argv[3:])
attempts = {id: 0 for id, _ in waiting}  # of tasks that are not over
paused = []  # when it goes out again, and the task
leases = {}  # by id: when it ends, its worker, the task
credit, places = {}, {}  # by worker: how many tasks it is willing to hold, and the ids of those


def worker_for(id):
    free = [w for w in credit if len(places[w]) < credit[w] and id not in places[w]]
    return min(free, key=lambda w: len(places[w]), default=None)


def hand_out(worker, id, name):
    header = wire_pb2.TaskHeader(attempt=attempts[id] + 1, lease_us=int(LEASE * 1e6))
    task = image_pb2.RenderTask(name=name, png=b"a large picture", size=64)
    frames = [worker, b"TASK", id, b"image.v1.Prints/Render", task.SerializeToString(), header.SerializeToString()]
    try:
        sock.send_multipart(frames)
    except zmq.ZMQError:  # the worker is gone: its leases end by themselves
        del credit[worker], places[worker]
        waiting.appendleft((id, name))
        return
    attempts[id] += 1
    places[worker].add(id)
    leases[id] = time.monotonic() + LEASE, worker, (id, name)


def heed(worker, verb, argument):
    if verb == b"CREDIT":
        credit[worker] = int(argument)
        places.setdefault(worker, set())
        return
    id, holds = argument, argument in places.get(worker, ())
    if not holds or verb == b"EXTEND":
        if holds and id in leases and leases[id][1] == worker:
            leases[id] = time.monotonic() + LEASE, *leases[id][1:]
        return
    places[worker].remove(id)  # whatever ends a task frees its place, also when another one has it
    if verb == b"DONE" and attempts.pop(id, None):
        leases.pop(id, None)
        print("done", flush=True)
    elif id in leases and leases[id][1] == worker:  # of a task that is still this worker's
        task = leases.pop(id)[2]
        if verb == b"RETURN":
            attempts[id] -= 1
        if verb == b"REJECT" or attempts[id] == ATTEMPTS:
            del attempts[id]
            print("given up", task[1], flush=True)
        else:
            paused.append((time.monotonic() + PAUSE, task))


while attempts:
    now = time.monotonic()
    for _, _, task in [lease for lease in leases.values() if lease[0] <= now]:
        del leases[task[0]]
        waiting.appendleft(task)
    waiting.extend(task for when, task in paused if when <= now)
    paused = [later for later in paused if later[0] > now]
    for _ in range(len(waiting)):
        id, name = waiting.popleft()
        if id not in attempts:
            continue  # done by the worker that had it before
        worker = worker_for(id)
        if worker is None:
            waiting.append((id, name))
        else:
            hand_out(worker, id, name)
    if sock.poll(50):
        worker, verb, *rest = sock.recv_multipart()
        heed(worker, verb, rest[0])
for worker in credit:
    try:
        sock.send_multipart([worker, b"STOP"])
    except zmq.ZMQError:
        pass  # it is gone
sock.close()
sock.context.term()  # waits until everything is sent
