"""zmq_proxy between two sockets: proxy.py TYPE bind|connect ENDPOINT TYPE bind|connect ENDPOINT."""

import sys

import zmq

ctx = zmq.Context()
ends = []
for kind, how, endpoint in (sys.argv[1:4], sys.argv[4:7]):
    sock = ctx.socket(getattr(zmq, kind))
    getattr(sock, how)(endpoint)
    ends.append(sock)
print("ready", *(sock.last_endpoint.decode() for sock in ends), flush=True)
zmq.proxy(*ends)
