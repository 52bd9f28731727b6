package handshake

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Role is what a socket of ours is for, as it announces it; "" is unknown.
type Role string

// The roles, with the values that travel.
const (
	RoleClient     Role = "client"
	RoleServer     Role = "server"
	RolePublisher  Role = "publisher"
	RoleSubscriber Role = "subscriber"
	RoleVentilator Role = "ventilator"
	RoleWorker     Role = "worker"         // the socket that takes tasks
	RoleResults    Role = "worker-results" // a worker's socket that sends results
	RoleSink       Role = "sink"
	RoleProxy      Role = "proxy"
)

// Peers returns the roles that fit r, beside proxies; nil when any may.
func (r Role) Peers() []Role {
	switch r {
	case RoleClient:
		return []Role{RoleServer}
	case RoleServer:
		return []Role{RoleClient}
	case RolePublisher:
		return []Role{RoleSubscriber}
	case RoleSubscriber:
		return []Role{RolePublisher}
	case RoleVentilator:
		return []Role{RoleWorker}
	case RoleWorker:
		return []Role{RoleVentilator}
	case RoleResults:
		return []Role{RoleSink}
	case RoleSink:
		return []Role{RoleResults}
	}
	return nil
}

// name is the role in words, with what it belongs to.
func (r Role) name() string {
	switch r {
	case RoleWorker:
		return "a worker, which takes tasks (From) from ventilators"
	case RoleResults:
		return "a worker, which sends results (To) to sinks"
	case RoleSink:
		return "a sink, which takes results from workers (To)"
	case RoleVentilator:
		return "a ventilator, which gives tasks to workers (From)"
	case RoleProxy:
		return "a proxy, whose other side this belongs to"
	}
	if peers := r.Peers(); peers != nil {
		return fmt.Sprintf("a %s, which goes with %ss", string(r), string(peers[0]))
	}
	return fmt.Sprintf("a %.32q", string(r))
}

// rolesFit reports whether two announced roles go together. A role that is not
// announced, or that this version does not know, goes with every other; and of
// PUSH and PULL whoever sends goes with whoever receives, as a ventilator
// without workers with a sink.
func (c *Config) rolesFit(peer Role, socket zmtp.SocketType) bool {
	if pushes := c.SocketType == zmtp.Push || socket == zmtp.Push; pushes && c.SocketType.Compatible(socket) {
		return true
	}
	expected := c.Peers
	if expected == nil {
		expected = c.Role.Peers()
	}
	known := peer == RoleProxy || peer.Peers() != nil
	return expected == nil || !known || peer == RoleProxy || slices.Contains(expected, peer)
}

// A roleError says that the roles of the two ends do not fit.
type roleError struct{ here, there roleEnd }

// A roleEnd is one of the two ends.
type roleEnd struct {
	role   Role
	socket zmtp.SocketType
}

func (e roleEnd) String() string { return fmt.Sprintf("%s (%.16s)", e.role.name(), e.socket) }

func (e *roleError) Error() string {
	return fmt.Sprintf("the roles do not fit, is this the right address? This end is %v, the peer is %v", e.here, e.there)
}

// reversed is the error as the peer sees it.
func (e *roleError) reversed() *roleError { return &roleError{e.there, e.here} }

// readRole reads what a peer of ours announces about its role and its limit.
// What is malformed counts as not announced.
func (p *Peer) readRole() {
	p.Role = Role(p.Metadata.Get(zmtp.PropertyRole))
	if n, err := strconv.ParseInt(p.Metadata.Get(zmtp.PropertyMaxSize), 10, 64); err == nil && n > 0 {
		p.MaxMessage = n
	}
}

// appendRole appends what we announce about our role and our limit.
func (c *Config) appendRole(m zmtp.Metadata) zmtp.Metadata {
	if c.Role != "" {
		m = append(m, zmtp.Property{Name: zmtp.PropertyRole, Value: string(c.Role)})
	}
	if c.MaxMessage > 0 {
		m = append(m, zmtp.Property{Name: zmtp.PropertyMaxSize, Value: strconv.Itoa(c.MaxMessage)})
	}
	return m
}
