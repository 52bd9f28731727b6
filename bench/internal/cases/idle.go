package cases

import (
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/child"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// spareFiles is what a process needs beside its connections.
const spareFiles = 300

// idleCase is the memory of connections on which nothing happens. Each side is
// a process of its own.
func idleCase() Case {
	return Case{
		Name: "10,000 idle connections, memory of both sides",
		Unit: "bytes per connection",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			n := 10000
			if cfg.Quick {
				n = 200
			}
			if limit := maxFiles(); limit > 0 && n > limit-spareFiles {
				n = max(limit-spareFiles, 1)
				r.Notes = append(r.Notes, fmt.Sprintf("Only %d connections: a process may open %d files.", n, limit))
			}
			r.Notes = append(r.Notes, fmt.Sprintf("%d connections, one call on each, then idle; what the Go runtime holds of the system, "+
				"more than before the first one, after a garbage collection. Sockets in the kernel are not in it.", n))
			var list []*contender
			for _, name := range []string{rival.Ours, "gRPC"} {
				list = append(list, idle(cfg, r, name, n))
			}
			once := *cfg
			once.Rounds = 1
			interleave(&once, list)
			r.atMostQuarter()
		},
	}
}

func (r *Result) atMostQuarter() {
	t := Target{What: "memory ÷ gRPC's", Want: 0.25, AtMost: true, Unknown: "not both were measured"}
	ours, theirs := r.find(rival.Ours), r.find("gRPC")
	if ours != nil && theirs != nil {
		t.Got, t.Unknown = measure.NewStat(ours.rounds).Median/measure.NewStat(theirs.rounds).Median, ""
	}
	r.Targets = append(r.Targets, t)
}

func idle(cfg *Config, r *Result, name string, n int) *contender {
	row := r.row(name, "")
	return &contender{row, func() error {
		server, client, err := idleMemory(cfg, name, n)
		if err != nil {
			return err
		}
		row.add((server + client) / float64(n))
		row.Note = fmt.Sprintf("accepting side %.0f, dialing side %.0f", server/float64(n), client/float64(n))
		return nil
	}}
}

// idleMemory returns by how much the two processes have grown.
func idleMemory(cfg *Config, name string, n int) (server, client float64, err error) {
	srv, addr, err := child.Start(cfg.Self, "server", name)
	if err != nil {
		return 0, 0, err
	}
	defer srv.Stop()
	cli, _, err := child.Start(cfg.Self, "clients", name, addr, fmt.Sprint(n))
	if err != nil {
		return 0, 0, err
	}
	defer cli.Stop()
	var at [4]uint64
	for i, p := range []*child.Process{srv, cli, cli, srv} {
		if at[i], err = p.Bytes(); err != nil {
			return 0, 0, err
		}
	}
	return float64(at[3]) - float64(at[0]), float64(at[2]) - float64(at[1]), nil
}
