package gozmq

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// Endpoints says where a socket binds and connects. Either side of any pattern
// may do either, and one socket may do both, several times.
//
// An endpoint is "tcp://host:port", "ipc://path" or "inproc://name". To bind,
// the tcp host may be "*", an address or the name of a network interface, and
// the port "*" for one that is free. A path that begins with "@" is a Linux
// abstract socket. An inproc name is known within the process.
//
// To connect, "tcp://host:port" is one peer: the first of the host's addresses
// that answers, looked up at each attempt. "dns://host:port" is a peer for each
// address: the name is looked up when a connection is lost and every limit of
// WithReconnect; addresses that come are connected to, and a connection to one
// that went ends when the calls that it carries are answered and what was sent
// is with the kernel. Of a host with IPv4 and IPv6 addresses it takes the former
// only, so that a server with both is one peer.
type Endpoints struct {
	bind    []string
	connect []string
}

// Bind accepts connections on each of the endpoints.
func Bind(endpoints ...string) Endpoints { return Endpoints{bind: endpoints} }

// Connect connects to each of the endpoints, and connects again whenever a
// connection is lost.
func Connect(endpoints ...string) Endpoints { return Endpoints{connect: endpoints} }

func (e Endpoints) add(to *Endpoints) {
	to.bind = append(to.bind, e.bind...)
	to.connect = append(to.connect, e.connect...)
}

func (e Endpoints) applyDial(c *dialConfig)             { e.add(&c.endpoints) }
func (e Endpoints) applyPublisher(c *publisherConfig)   { e.add(&c.endpoints) }
func (e Endpoints) applySubscriber(c *subscriberConfig) { e.add(&c.endpoints) }
func (e Endpoints) applyVentilator(c *ventilatorConfig) { e.add(&c.endpoints) }
func (e Endpoints) applySink(c *sinkConfig)             { e.add(&c.endpoints) }

var errNoEndpoint = errors.New("no endpoint: pass gozmq.Bind or gozmq.Connect")

// open binds and connects. After an error the group is to be shut down. It
// returns the endpoints that were bound, with ports filled in.
func (e Endpoints) open(g *link.Group) ([]string, error) {
	if len(e.bind)+len(e.connect) == 0 {
		return nil, errNoEndpoint
	}
	parsed := make([]transport.Endpoint, 0, len(e.connect))
	for _, s := range e.connect {
		ep, err := transport.ParseConnect(s)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, ep)
	}
	var bound []string
	for _, s := range e.bind {
		ep, err := transport.ParseBind(s)
		if err != nil {
			return nil, err
		}
		if ep, err = g.Bind(ep); err != nil {
			return nil, err
		}
		bound = append(bound, ep.String())
	}
	for _, ep := range parsed {
		if err := g.Connect(ep); err != nil {
			return nil, err
		}
	}
	return bound, nil
}
