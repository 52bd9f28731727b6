"""Passes readings on with one more metadatum: metadata.py FROM bind|connect ENDPOINT."""

import random
import sys
import time

import zmq
from gozmq.v1 import wire_pb2

source = zmq.Context.instance().socket(zmq.SUB)
source.subscribe(b"weather/")
source.connect(sys.argv[1])
sock = zmq.Context.instance().socket(zmq.XPUB)  # a PUB that tells of its subscriptions
getattr(sock, sys.argv[2])(sys.argv[3])
print("ready", sock.last_endpoint.decode(), flush=True)
sock.recv()  # what is published before the first subscription reaches nobody
publisher = random.getrandbits(64) | 1
print("subscribed", flush=True)
while True:
    topic, body, *header = source.recv_multipart()  # without a header there is no metadata
    came = wire_pb2.PublicationHeader.FromString(b"".join(header))
    for entry in came.metadata:
        print("metadata", entry.key, entry.value.decode(), flush=True)
    goes = wire_pb2.PublicationHeader(
        publisher=publisher, time_us=time.time_ns() // 1000, metadata=came.metadata)
    goes.metadata.add(key="via", value=b"python")
    sock.send_multipart([topic, body, goes.SerializeToString()])
