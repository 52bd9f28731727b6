package handshake

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Role is the announced purpose of our socket; "" is unknown.
type Role string

// The roles, with their values on the wire.
const (
	RoleClient     Role = "client"
	RoleServer     Role = "server"
	RolePublisher  Role = "publisher"
	RoleSubscriber Role = "subscriber"
	RoleVentilator Role = "ventilator"
	RoleWorker     Role = "worker"         // a worker's socket that receives tasks
	RoleResults    Role = "worker-results" // a worker's socket that sends results
	RoleSink       Role = "sink"
	RoleProxy      Role = "proxy"
)

// Peers returns the roles that fit r, in addition to proxies; nil when all fit.
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

// name describes the role in words.
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
// announced, or that this version does not know, fits every other. With PUSH and
// PULL any sender fits any receiver: for example, a ventilator may send to a sink.
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

// reversed is the error from the peer's view.
func (e *roleError) reversed() *roleError { return &roleError{e.there, e.here} }

// readRole reads the announced role and limit of a peer. A malformed value counts
// as not announced.
func (p *Peer) readRole() {
	p.Role = Role(p.Metadata.Get(zmtp.PropertyRole))
	if n, err := strconv.ParseInt(p.Metadata.Get(zmtp.PropertyMaxSize), 10, 64); err == nil && n > 0 {
		p.MaxMessage = n
	}
}

// appendRole appends the announcements of our role and our limit.
func (c *Config) appendRole(m zmtp.Metadata) zmtp.Metadata {
	if c.Role != "" {
		m = append(m, zmtp.Property{Name: zmtp.PropertyRole, Value: string(c.Role)})
	}
	if c.MaxMessage > 0 {
		m = append(m, zmtp.Property{Name: zmtp.PropertyMaxSize, Value: strconv.Itoa(c.MaxMessage)})
	}
	return m
}
