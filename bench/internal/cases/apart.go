package cases

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/gozmq/gozmq/bench/internal/child"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// A line is what connects two processes.
type line struct {
	name string
	ipc  bool
}

// endpoint returns where the child listens. Each socket of Config.Dir has a name of
// its own, so that none is in another's way.
func (l line) endpoint(cfg *Config) string {
	if !l.ipc {
		return "tcp://127.0.0.1:*"
	}
	return fmt.Sprintf("ipc://%s", filepath.Join(cfg.Dir, fmt.Sprintf("%d.sock", time.Now().UnixNano())))
}

// apartCases are the main cases with each side in a process of its own: what
// answers or sends is a child.
func apartCases() []Case {
	var list []Case
	for _, l := range []line{{"two processes", false}, {"two processes over ipc", true}} {
		feed := []want{{"libzmq (cgo)", 6}}
		if !l.ipc {
			feed = append(feed, want{"NATS", 4})
		}
		list = append(list,
			l.unaryCase(1, want{rival.Raw, 0.85}, want{"gRPC", 4.5}),
			l.unaryCase(64, want{"gRPC", 5}, want{"libzmq (cgo)", 4.5}),
			l.pushCase(want{rival.CTool, 1}, want{"libzmq (cgo)", 3}),
			l.feedCase(feed...),
		)
	}
	return list
}

func (l line) unaryCase(callers int, wants ...want) Case {
	return l.newCase(unaryCase(64, callers).Name, "calls/s", wants, func(v *rival.Rival) round {
		e, ok := l.ends(v)
		if !ok || e.Serve == nil {
			return nil
		}
		return func(cfg *Config, row *Row) error { return callApart(cfg, row, e, l.endpoint(cfg), callers) }
	})
}

func (l line) pushCase(wants ...want) Case {
	return l.newCase("PUSH/PULL 64 B", "messages/s", wants, func(v *rival.Rival) round {
		if v.PushRate != nil {
			return func(cfg *Config, row *Row) error {
				return external(cfg, row, v, rival.Options{Size: 64, Listen: l.endpoint(cfg)}).run()
			}
		}
		e, ok := l.ends(v)
		if !ok || e.Pull == nil {
			return nil
		}
		return func(cfg *Config, row *Row) error {
			return flowApart(cfg, row, sides{"push", e.Name, l.endpoint(cfg), 0, e.Pull})
		}
	})
}

func (l line) feedCase(wants ...want) Case {
	return l.newCase(feedCase().Name, "messages/s", wants, func(v *rival.Rival) round {
		e, ok := l.ends(v)
		if !ok || e.Subscribe == nil {
			return nil
		}
		return func(cfg *Config, row *Row) error {
			return flowApart(cfg, row, sides{"publish", e.Name, l.endpoint(cfg), window, e.Subscribe})
		}
	})
}

// ends returns the sides of a library that can talk over the line.
func (l line) ends(v *rival.Rival) (rival.Ends, bool) {
	e, ok := rival.EndsOf(v.Name)
	return e, ok && (e.TCPOnly == "" || !l.ipc)
}

// A round measures once.
type round func(*Config, *Row) error

// newCase has a row for each library for which of returns a round.
func (l line) newCase(name, unit string, wants []want, of func(*rival.Rival) round) Case {
	return Case{Name: l.name + ", " + name, Unit: unit, Run: func(cfg *Config, r *Result) {
		var list []*contender
		for i := range cfg.Rivals {
			v := &cfg.Rivals[i]
			run := of(v)
			if run == nil {
				continue
			}
			if row := r.rowOf(v); row != nil {
				list = append(list, &contender{row, func() error { return run(cfg, row) }})
			}
		}
		interleave(cfg, list)
		for _, w := range wants {
			r.atLeast(w.rival, w.times)
		}
		r.Notes = append(r.Notes, "One process answers or sends, the other one calls or receives. Processor time is that of both.")
	}}
}

// callApart calls a server in a process of its own.
func callApart(cfg *Config, row *Row, e rival.Ends, endpoint string, callers int) error {
	const size = 64
	server, addr, err := child.Apart(cfg.Self, "echo", e.Name, endpoint, size, 0)
	if err != nil {
		return err
	}
	defer server.Stop()
	u, err := e.Dial(rival.Options{Size: size, Callers: callers, Conns: 1}, addr)
	if err != nil {
		return err
	}
	defer u.Close()
	if _, err := measure.Calls(callers, cfg.WarmUp, u.Call); err != nil {
		return err
	}
	return row.addBeside(server, func() (measure.Sample, error) { return measure.Calls(callers, cfg.Round, u.Call) })
}

// addBeside adds a sample with the processor time of another process.
func (row *Row) addBeside(p *child.Process, run func() (measure.Sample, error)) error {
	before, err := p.CPU()
	if err != nil {
		return err
	}
	s, err := run()
	if err != nil {
		return err
	}
	after, err := p.CPU()
	if err != nil {
		return err
	}
	row.addSample(s.Beside(after - before))
	return nil
}

// The sides of a stream, of which the sender is a process of its own.
type sides struct {
	role, name, endpoint string
	window               int
	receive              func(rival.Options, string) (rival.Receiver, error)
}

// ackEvery is how many messages a receiver takes before it says so to a sender that
// it holds back.
const ackEvery = window / 4

// flowApart counts what comes from a sender in a process of its own.
func flowApart(cfg *Config, row *Row, s sides) error {
	const size = 64
	sender, addr, err := child.Apart(cfg.Self, s.role, s.name, s.endpoint, size, s.window)
	if err != nil {
		return err
	}
	defer sender.Stop()
	receiver, err := s.receive(rival.Options{Size: size, Receivers: 1}, addr)
	if err != nil {
		return err
	}
	sample, err := measure.FlowBeside(1, cfg.WarmUp, cfg.Round, sender.CPU, func(next func() bool) error {
		return s.take(sender, receiver, next)
	})
	if err == nil {
		row.addSample(sample)
	}
	return err
}

// take receives until next returns false.
func (s sides) take(sender *child.Process, receiver rival.Receiver, next func() bool) error {
	var (
		acked uint64
		fail  error
		stop  = sync.OnceFunc(func() { go receiver.Close() })
	)
	defer receiver.Close()
	err := receiver.Receive(0, func(seq uint64) {
		if s.window > 0 && (acked == 0 || seq-acked >= ackEvery) && fail == nil {
			acked = seq
			fail = sender.Got(seq)
		}
		if !next() || fail != nil {
			stop()
		}
	})
	return errors.Join(err, fail)
}
