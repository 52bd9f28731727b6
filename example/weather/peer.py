"""The weather feed's publisher and subscribers in Python, with nothing but pyzmq and protobuf.

    export PYTHONPATH=$(mktemp -d)
    protoc -I proto -I example/proto --python_out=$PYTHONPATH \\
        gozmq/v1/annotations.proto gozmq/v1/wire.proto weather/v1/weather.proto
    python3 example/weather/peer.py publisher
    python3 example/weather/peer.py readings -station ams
    python3 example/weather/peer.py alerts -severity warning
"""

import argparse
import itertools
import random
import signal
import time
from urllib.parse import quote

import zmq
from gozmq.v1.wire_pb2 import PublicationHeader
from weather.v1.weather_pb2 import Alert, Reading, Severity


def publisher(args):
    socket = zmq.Context.instance().socket(zmq.PUB)
    socket.bind(args.endpoint)
    print("listening on", socket.last_endpoint.decode(), flush=True)
    while True:
        for station in "ams", "ams/harbor", "oslo":
            reading = Reading(station=station, celsius=random.uniform(15, 20))
            reading.time.GetCurrentTime()
            topic = f"weather/{quote(station, safe='')}/temperature"
            socket.send_multipart([topic.encode(), reading.SerializeToString()])
        for severity in "SEVERITY_ADVISORY", "SEVERITY_WATCH", "SEVERITY_WARNING":
            alert = Alert(severity=severity, region="coast", text="high water")
            socket.send_multipart([f"alerts/{severity}/coast".encode(), alert.SerializeToString()])
        time.sleep(0.2)


def bodies(args, prefix):
    """Yields the body of each message whose topic starts with prefix."""
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.subscribe(prefix)
    socket.connect(args.endpoint)
    last = {}
    for _ in range(args.count) if args.count else itertools.count():
        topic, body, *rest = socket.recv_multipart()
        if rest:  # the topic is sequenced
            header = PublicationHeader.FromString(rest[0])
            key, sequence = (header.publisher, topic), header.sequence
            if sequence > last.get(key, sequence) + 1:
                print(f"missed {sequence - last[key] - 1} of {topic.decode()}", flush=True)
            last[key] = sequence
        yield body


def readings(args):
    prefix = f"weather/{quote(args.station, safe='')}/temperature" if args.station else "weather/"
    for body in bodies(args, prefix):
        reading = Reading.FromString(body)
        print(f"{reading.station}: {reading.celsius:.1f} °C", flush=True)


def alerts(args):
    prefix = f"alerts/SEVERITY_{args.severity.upper()}/" if args.severity else "alerts/"
    for body in bodies(args, prefix):
        alert = Alert.FromString(body)
        print(f"{Severity.Name(alert.severity)} in {alert.region}: {alert.text}", flush=True)


signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the program without a traceback
parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["publisher", "readings", "alerts"])
parser.add_argument("-endpoint", default="tcp://127.0.0.1:5556")
parser.add_argument("-station", default="")
parser.add_argument("-severity", default="")
parser.add_argument("-count", type=int, default=0)
args = parser.parse_args()
{"publisher": publisher, "readings": readings, "alerts": alerts}[args.role](args)
