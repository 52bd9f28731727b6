package gozmq

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// Endpoints are the addresses that a socket binds and connects to. Either side
// of any pattern may bind or connect; one socket may do both, and to several
// endpoints.
//
// An endpoint is "tcp://host:port", "ipc://path" or "inproc://name". To bind,
// the tcp host may be "*", an address or the name of a network interface, and
// the port "*" for one that is free. The host "*" is
// every interface, IPv4 and IPv6; "0.0.0.0" is IPv4 only. A path that begins
// with "@" is a Linux abstract socket, to which every user of the machine may
// connect; other paths get mode 0600. An inproc name is known within the
// process. "fd://3" is a socket that the process has inherited and that listens
// already, by the number of its descriptor, or by the name that a systemd .socket
// unit gives it (LISTEN_FDNAMES). Closing the socket leaves the descriptor open, as
// the supervisor does, and removes no socket file; it can be bound again.
//
// An endpoint to connect to that is given twice, also as localhost and 127.0.0.1,
// is one connection.
//
// To connect, "tcp://host:port" is one peer: the first of the host's addresses
// that answers, looked up at each attempt. "dns://host:port" is a peer for each
// address: the name is looked up when a connection is lost and every limit of
// WithReconnectBackoff; a new address is connected to, and the connection to an
// address that is gone ends once its calls are answered and its sent messages
// have reached the kernel. Of a host with IPv4 and IPv6 addresses only the IPv4
// addresses are used, so that a server with both is one peer.
type Endpoints struct {
	bind    []target
	connect []target
}

// A target is one endpoint, and how it is secured; nil: as the socket is.
type target struct {
	text     string
	listener net.Listener // in place of text; nil: there is none
	security *Security
}

func targets(endpoints []string) []target {
	list := make([]target, len(endpoints))
	for i, s := range endpoints {
		list[i].text = s
	}
	return list
}

// Bind accepts connections on each of the endpoints.
func Bind(endpoints ...string) Endpoints { return Endpoints{bind: targets(endpoints)} }

// BindListener accepts connections on each of the listeners, such as those of
// package net. A listener belongs to one socket, which closes it with itself once
// it was opened. When the constructor, or a server's Listen, fails, the caller
// closes the listeners.
func BindListener(listeners ...net.Listener) Endpoints {
	list := make([]target, len(listeners))
	for i, ln := range listeners {
		list[i] = target{text: "a nil listener", listener: ln}
	}
	return Endpoints{bind: list}
}

// Connect connects to each of the endpoints, and connects again whenever a
// connection is lost.
func Connect(endpoints ...string) Endpoints { return Endpoints{connect: targets(endpoints)} }

// Secured returns e with s in place of the socket's security, so that one server
// can be open on ipc and require keys on tcp.
func (e Endpoints) Secured(s Security) Endpoints {
	with := func(list []target) []target {
		list = slices.Clone(list)
		for i := range list {
			list[i].security = &s
		}
		return list
	}
	return Endpoints{bind: with(e.bind), connect: with(e.connect)}
}

func (e Endpoints) add(to *Endpoints) {
	to.bind = append(to.bind, e.bind...)
	to.connect = append(to.connect, e.connect...)
}

var errNoEndpoint = errors.New("no endpoint: pass gozmq.Bind or gozmq.Connect")

// check reports what can be wrong with the endpoints before they are opened.
func (e Endpoints) check() error {
	_, _, err := e.parse(nil)
	return err
}

// parse returns the endpoints to bind and to connect to; security is that of
// those without their own.
func (e Endpoints) parse(security *handshake.Security) (bind, connect []parsedTarget, err error) {
	if len(e.bind)+len(e.connect) == 0 {
		return nil, nil, errNoEndpoint
	}
	if bind, err = parse(e.bind, transport.ParseBind, security); err != nil {
		return nil, nil, err
	}
	connect, err = parse(e.connect, transport.ParseConnect, security)
	return bind, connect, err
}

// open binds and connects. After an error the group is to be shut down. It
// returns the endpoints that were bound, with ports filled in.
func (e Endpoints) open(g *link.Group) ([]string, error) {
	bind, connect, err := e.parse(g.Security())
	if err != nil {
		return nil, err
	}
	if connect, err = e.distinct(connect); err != nil {
		return nil, err
	}
	var bound []string
	for _, p := range bind {
		ep, err := p.bind(g)
		if err != nil {
			return nil, err
		}
		bound = append(bound, ep.String())
	}
	for _, p := range connect {
		if err := g.ConnectSecured(p.endpoint, p.security); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

// distinct returns the endpoints to connect to without those that are there
// already, in whatever spelling. One that is there with another security is an
// error.
func (e Endpoints) distinct(connect []parsedTarget) (list []parsedTarget, err error) {
	first := make(map[transport.Endpoint]int)
	for i, p := range connect {
		same := p.endpoint.SamePeer()
		at, twice := first[same]
		switch {
		case !twice:
			first[same] = i
			list = append(list, p)
		case e.connect[at].security != e.connect[i].security:
			return nil, fmt.Errorf("endpoints %s and %s are the same peer, and have securities of their own: leave one out", e.connect[at].text, e.connect[i].text)
		}
	}
	return list, nil
}

// A parsedTarget is a target that makes sense.
type parsedTarget struct {
	endpoint transport.Endpoint
	listener net.Listener // in place of endpoint, if not nil
	security *handshake.Security
}

func (p *parsedTarget) bind(g *link.Group) (transport.Endpoint, error) {
	if p.listener != nil {
		return g.Adopt(transport.Adopt(p.listener), p.security)
	}
	return g.BindSecured(p.endpoint, p.security)
}

// parse checks targets; security is what holds for those without their own.
func parse(list []target, parse func(string) (transport.Endpoint, error), security *handshake.Security) ([]parsedTarget, error) {
	parsed := make([]parsedTarget, len(list))
	for i, p := range list {
		parsed[i] = parsedTarget{listener: p.listener, security: security}
		var err error
		if p.listener == nil {
			parsed[i].endpoint, err = parse(p.text)
		}
		if err != nil {
			return nil, err
		}
		if p.security != nil {
			if parsed[i].security, err = p.security.resolve(); err != nil {
				return nil, fmt.Errorf("%s: %w", p.text, err)
			}
		}
	}
	return parsed, nil
}
