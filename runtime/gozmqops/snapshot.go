package gozmqops

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A Snapshot describes a program's sockets at one time. It is plain data, which
// encoding/json can write. Values that a peer has chosen, such as its routing id,
// can be any bytes.
type Snapshot struct {
	Time     time.Time
	Stopping bool // Run stops the program
	Ready    bool // every socket is, and the program is not stopping
	Sockets  []Socket
}

// A Socket is one socket of a role; a worker and a proxy have two.
type Socket struct {
	Name   string    // of the role in its Group
	Side   string    // of a worker: "tasks" or "results"; of a proxy: "front" or "back"; otherwise ""
	Since  time.Time // when the role was added
	Ready  bool      // it is bound and connected, as Snapshot says
	Reason string    // why it is not ready
	// Services are the services of a server. For a publisher, subscriber,
	// ventilator, worker or sink, they are the services, and the messages with a
	// topic or a task, for which generated code uses the role. A client and a proxy
	// have none.
	Services []Service
	Stats    gozmq.Stats
}

// Snapshot describes the sockets now, in the order in which they were added. Its
// cost grows with the number of peers.
//
// A socket is ready while it is open, its endpoints are bound, and it is connected
// to a peer where it dials: a subscriber to one at each endpoint, because each has
// other messages, and any other role to one at some endpoint. A peer that is silent
// for longer than the heartbeat's timeout is no longer connected. Nobody needs to
// have connected to a socket that only binds.
func (g *Group) Snapshot() Snapshot {
	members, stopping := g.list()
	s := Snapshot{Time: time.Now(), Stopping: stopping, Ready: !stopping}
	for _, m := range members {
		services := g.services(m)
		for _, l := range looks(m.role) {
			stats := l.stats()
			if l.side == "results" && stats.Role == "" {
				continue // a worker without results
			}
			socket := Socket{Name: m.name, Side: l.side, Since: m.since, Reason: unready(&stats), Services: services, Stats: stats}
			socket.Ready = socket.Reason == ""
			s.Ready = s.Ready && socket.Ready
			s.Sockets = append(s.Sockets, socket)
		}
	}
	return s
}

// unready returns why a socket is not ready; "" when it is.
func unready(s *gozmq.Stats) string {
	if len(s.Endpoints) == 0 {
		return "not open: it does not listen yet, or is closed"
	}
	lacking, dialed, peers := "", 0, 0
	for _, e := range s.Endpoints {
		if !e.Dialed {
			continue
		}
		dialed++
		peers += e.Peers
		if e.Peers == 0 && lacking == "" {
			lacking = e.Endpoint
		}
	}
	if lacking == "" || s.Role != "subscriber" && (peers > 0 || dialed < len(s.Endpoints)) {
		return ""
	}
	return fmt.Sprintf("nobody is connected at %s", lacking)
}
