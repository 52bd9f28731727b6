package rival

import (
	"cmp"
	"net"
	"strings"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// An Ends opens the two sides of a library by themselves, each for a process of
// its own. The side that Serve, Push or Publish opens is at Options.Listen, a tcp
// or ipc endpoint as ZeroMQ writes it. A function that is nil: there is no such thing.
type Ends struct {
	Name string
	// TCPOnly says why there is nothing to measure over ipc; "" when there is.
	TCPOnly string
	// Serve opens a server that echoes, and Dial calls to it.
	Serve func(Options) (Server, error)
	Dial  func(o Options, addr string) (Unary, error)
	// Push opens the sender of tasks, and Pull their receiver.
	Push func(Options) (Sender, error)
	Pull func(o Options, addr string) (Receiver, error)
	// Publish opens a publisher, and Subscribe a subscriber.
	Publish   func(Options) (Sender, error)
	Subscribe func(o Options, addr string) (Receiver, error)
}

// A Server answers calls until it is closed.
type Server interface {
	Addr() string
	Close()
}

// A Sender is the half of a Stream that sends.
type Sender interface {
	Server
	Send(seq uint64) error
}

// A Receiver is the half of a Stream that receives.
type Receiver interface {
	Receive(i int, got func(seq uint64)) error
	Close()
}

// Apart returns every library whose sides can be opened by themselves, ours first.
func Apart() []Ends {
	return append([]Ends{gozmqEnds(), rawEnds(), grpcEnds(), natsEnds()}, libzmqEnds()...)
}

// EndsOf returns one of Apart.
func EndsOf(name string) (Ends, bool) {
	for _, e := range Apart() {
		if e.Name == name {
			return e, true
		}
	}
	return Ends{}, false
}

func gozmqEnds() Ends {
	return Ends{
		Name:      Ours,
		Serve:     func(o Options) (Server, error) { return NewGozmqServer(o) },
		Dial:      func(o Options, addr string) (Unary, error) { return dialGozmq(o, addr) },
		Push:      func(o Options) (Sender, error) { return newGozmqPusher(o) },
		Pull:      func(o Options, addr string) (Receiver, error) { return newGozmqPuller(o, addr) },
		Publish:   func(o Options) (Sender, error) { return newGozmqPublisher(o) },
		Subscribe: func(o Options, addr string) (Receiver, error) { return newGozmqSubscribers(o, addr) },
	}
}

// bound is where the side of ours that binds does so.
func (o Options) bound() gozmq.Endpoints { return gozmq.Bind(cmp.Or(o.Listen, anyPort)) }

// served, sent and received are the endpoints of a server, of a side that sends,
// and of a side that receives from one that is bound to addrs.
func (o Options) served() gozmq.Endpoints {
	if o.Back != "" {
		return gozmq.Connect(o.Back)
	}
	return o.bound()
}

func (o Options) sent() gozmq.Endpoints {
	if o.Front != "" {
		return gozmq.Connect(o.Front)
	}
	return o.bound()
}

func (o Options) received(addrs []string) gozmq.Endpoints {
	if o.Back != "" {
		return gozmq.Connect(o.Back)
	}
	return gozmq.Connect(addrs...)
}

// network returns what package net calls an endpoint, and for "" loopback, on any
// port.
func network(endpoint string) (name, addr string) {
	if path, ok := strings.CutPrefix(endpoint, "ipc://"); ok {
		return "unix", path
	}
	return "tcp", cmp.Or(strings.ReplaceAll(strings.TrimPrefix(endpoint, "tcp://"), "*", "0"), "127.0.0.1:0")
}

// endpointOf is the other way round.
func endpointOf(ln net.Listener) string {
	if a := ln.Addr(); a.Network() == "unix" {
		return "ipc://" + a.String()
	}
	return "tcp://" + ln.Addr().String()
}
