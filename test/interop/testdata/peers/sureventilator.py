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
attempts = {id: 1 for id, _ in waiting}  # of tasks that are not over: the number of the next one
paused = []  # when it goes out again, and the task
leases = {}  # by id: when it ends, its worker, the task
credit, places = {}, {}  # by worker: how many tasks it is willing to hold; which it holds, and has begun


def worker_for(id):
    free = [w for w in credit if len(places[w]) < credit[w] and id not in places[w]]
    return min(free, key=lambda w: len(places[w]), default=None)


def hand_out(worker, id, name):
    header = wire_pb2.TaskHeader(attempt=attempts[id], lease_us=int(LEASE * 1e6))
    task = image_pb2.RenderTask(name=name, png=b"a large picture", size=64)
    frames = [worker, b"TASK", id, b"image.v1.Prints/Render", task.SerializeToString(), header.SerializeToString()]
    try:
        sock.send_multipart(frames)
    except zmq.ZMQError:  # the worker is gone: its leases end by themselves
        del credit[worker]
        waiting.appendleft((id, name))
        return
    places[worker][id] = False
    leases[id] = time.monotonic() + LEASE, worker, (id, name)


def has_begun(worker, id):
    """A worker that says so of no task has begun the first one that it holds."""
    held = places[worker]
    return held[id] if any(held.values()) else next(iter(held)) == id


def again(task, counts, pause):
    """Hands a task out again, now or after a pause, or gives it up."""
    attempts[task[0]] += counts
    if attempts[task[0]] > ATTEMPTS:
        del attempts[task[0]]
        print("given up", task[1], flush=True)
    elif pause:
        paused.append((time.monotonic() + pause, task))
    else:
        waiting.appendleft(task)


def heed(worker, verb, argument):
    if verb == b"CREDIT":
        credit[worker] = int(argument)
        places.setdefault(worker, {})
        return
    id = argument
    if id not in places.get(worker, ()):
        return  # it does not hold the task
    ours = id in leases and leases[id][1] == worker  # and the task has not passed on
    if verb == b"EXTEND":
        if ours:
            places[worker][id] = True
            leases[id] = time.monotonic() + LEASE, *leases[id][1:]
        return
    del places[worker][id]  # whatever ends a task frees its place, also when another one has it
    if verb == b"DONE":
        leases.pop(id, None)
        if attempts.pop(id, None):
            print("done", flush=True)
    elif ours:
        counts = {b"RETURN": 0, b"FAIL": 1, b"REJECT": ATTEMPTS}[verb]
        again(leases.pop(id)[2], counts, PAUSE if credit.get(worker) else 0)


while attempts:
    now = time.monotonic()
    for end, worker, task in list(leases.values()):
        if end <= now:
            del leases[task[0]]
            again(task, has_begun(worker, task[0]), 0)
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
