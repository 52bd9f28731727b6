"""Asks a server what it serves and how it is: services.py ENDPOINT.

It calls greet.v1.Greeter with nothing but the descriptors that it was told,
then watches the health of that service.
"""

import sys

import zmq
from google.protobuf import descriptor_pool, message_factory
from gozmq.v1 import describe_pb2, health_pb2, wire_pb2

sock = zmq.Context().socket(zmq.REQ)
sock.connect(sys.argv[1])


def call(method, request, reply):
    sock.send_multipart([method.encode(), request.SerializeToString()])
    status, body, *_ = sock.recv_multipart()
    if status:
        sys.exit(wire_pb2.Status.FromString(status).message)
    reply.ParseFromString(body)
    return reply


told = call("gozmq.v1.Describer/Describe", describe_pb2.DescribeRequest(), describe_pb2.DescribeResponse())
print("services", *told.services, flush=True)
pool = descriptor_pool.DescriptorPool()
for file in told.files.file:
    pool.Add(file)
method = pool.FindServiceByName("greet.v1.Greeter").FindMethodByName("SayHello")
factory = message_factory.MessageFactory(pool)
request = factory.GetPrototype(method.input_type)(name="Python")
reply = call("greet.v1.Greeter/SayHello", request, factory.GetPrototype(method.output_type)())
print("reply", reply.message, flush=True)

request = health_pb2.HealthCheckRequest(service="greet.v1.Greeter")
request.max_wait.seconds = 30
for _ in range(3):
    told = call("gozmq.v1.Health/Check", request, health_pb2.HealthCheckResponse())
    print("health", health_pb2.HealthStatus.Name(told.status), flush=True)
    request.version = told.version
