"""Shows what docs/PROTOCOL.md says of libzmq in "With libzmq"; a line per fact."""

import time

import zmq

ctx = zmq.Context()
keep = []


def pair(first, second, **options):
    """Returns a bound socket with these options, and the connected one."""
    a, b = ctx.socket(first), ctx.socket(second)
    for name, value in options.items():
        a.setsockopt(getattr(zmq, name.upper()), value)
    a.linger = b.linger = 0
    b.connect(f"tcp://127.0.0.1:{a.bind_to_random_port('tcp://127.0.0.1')}")
    keep.extend((a, b))
    return a, b


def another(bound, kind):
    sock = ctx.socket(kind)
    sock.linger = 0
    keep.append(sock)
    sock.connect(bound.last_endpoint)
    return sock


for verbose in (0, 1):
    xpub, sub = pair(zmq.XPUB, zmq.SUB, xpub_verbose=verbose)
    sub.subscribe(b"a")
    xpub.recv()
    another(xpub, zmq.SUB).subscribe(b"a")
    print("xpub_verbose", verbose, "tells of a second subscriber:", bool(xpub.poll(60_000 if verbose else 500)))

xpub, one = pair(zmq.XPUB, zmq.SUB, xpub_manual_last_value=1)
one.subscribe(b"a")
two = None
for _ in range(2):
    xpub.recv()
    xpub.subscribe(b"a")
    if two:
        xpub.send_multipart([b"a", b"first"])
        xpub.send_multipart([b"a", b"second"])
        print("xpub_manual_last_value replays to one:", two.recv_multipart()[1], two.recv_multipart()[1], "to all:", one.recv_multipart()[1])
    else:
        two = another(xpub, zmq.SUB)
        two.subscribe(b"a")

for mandatory in (0, 1):
    router, dealer = pair(zmq.ROUTER, zmq.DEALER, router_mandatory=mandatory)
    dealer.send(b"hello")
    peer = router.recv_multipart()[0]
    dealer.close()
    told = bool(router.poll(500))
    for _ in range(6000 if mandatory else 100):
        try:
            router.send_multipart([peer, b"you"])
            outcome = "is dropped"
        except zmq.ZMQError as why:
            outcome = why.strerror
            break
        time.sleep(0.01)
    print("router_mandatory", mandatory, "tells of an end:", told, "what is sent to it:", outcome)

for immediate in (0, 1):
    push = ctx.socket(zmq.PUSH)
    push.immediate, push.linger = immediate, 0
    push.connect("tcp://127.0.0.1:1")  # nobody is there
    try:
        push.send(b"task", zmq.NOBLOCK)
        print("immediate", immediate, "queues for nobody")
    except zmq.Again:
        print("immediate", immediate, "queues nothing")

pull, push = pair(zmq.PULL, zmq.PUSH, maxmsgsize=100)
push.send_multipart([b"x" * 80] * 2)
print("maxmsgsize 100 lets two frames of 80 pass:", len(pull.recv_multipart()) == 2)
push.send(b"x" * 101)
print("maxmsgsize 100 lets a frame of 101 pass:", bool(pull.poll(500)))
