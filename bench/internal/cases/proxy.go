package cases

import (
	"fmt"
	"strings"
	"time"

	"github.com/gozmq/gozmq/bench/internal/child"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

const (
	ourProxy   = "gozmq.Proxy"
	theirProxy = "zmq_proxy"
	proxySize  = 1 << 10
)

// proxyCases are the patterns through a proxy in a process of its own, ours or
// libzmq's. The ends are ours, in one process.
func proxyCases() []Case {
	return []Case{
		proxyCase(gozmq.PatternReqRep, "unary 1 KiB, 16 callers", "calls/s", proxiedCalls),
		proxyCase(gozmq.PatternPushPull, "PUSH/PULL 1 KiB", "messages/s", proxiedStream(0, func(v *rival.Rival) func(rival.Options) (rival.Stream, error) { return v.Push })),
		proxyCase(gozmq.PatternPubSub, "PUB/SUB received, 1 KiB, 1 subscriber", "messages/s",
			proxiedStream(window, func(v *rival.Rival) func(rival.Options) (rival.Stream, error) { return v.Feed })),
	}
}

// A proxied opens the ends at a proxy, warms them up, and has measure measure them.
type proxied func(cfg *Config, v *rival.Rival, o rival.Options, measured func(func() (measure.Sample, error)) error) error

func proxyCase(pattern gozmq.Pattern, name, unit string, run proxied) Case {
	return Case{Name: "through a proxy, " + name, Unit: unit, Run: func(cfg *Config, r *Result) {
		ours, theirs := r.row(ourProxy, ""), r.row(theirProxy, "")
		ours.against, theirs.against = ourProxy, ourProxy
		list := []*contender{through(cfg, ours, rival.Ours, pattern, run)}
		if theirs.Missing = libzmqMissing(cfg); theirs.Missing == "" {
			list = append(list, through(cfg, theirs, theirProxy, pattern, run))
		}
		interleave(cfg, list)
		r.ratioAtLeast(ourProxy, theirProxy, 3)
		r.Notes = append(r.Notes, "Both ends are gozmq's, in one process; the proxy is a process of its own. Processor time is that of both processes.")
	}}
}

// libzmqMissing says why there is no zmq_proxy, and is empty where there is one.
func libzmqMissing(cfg *Config) string {
	missing := "not asked for"
	for _, v := range cfg.Rivals {
		if strings.HasPrefix(v.Name, "libzmq (cgo)") {
			missing = v.Missing
		}
	}
	return missing
}

// through measures the ends of ours at a proxy.
func through(cfg *Config, row *Row, name string, pattern gozmq.Pattern, run proxied) *contender {
	var alone []float64
	return &contender{row, func() error {
		p, front, back, err := child.Proxy(cfg.Self, name, pattern)
		if err != nil {
			return err
		}
		defer p.Stop()
		v := &cfg.Rivals[0]
		o := rival.Options{Size: proxySize, Callers: 16, Conns: 1, Receivers: 1, Front: front, Back: back}
		return run(cfg, v, o, func(step func() (measure.Sample, error)) error {
			before := time.Duration(0)
			if err := row.addBeside(p, func() (s measure.Sample, err error) {
				s, err = step()
				before = s.CPU
				return s, err
			}); err != nil {
				return err
			}
			alone = append(alone, float64(row.samples[len(row.samples)-1].CPU-before))
			row.Note = fmt.Sprintf("%.2f µs of it in the proxy", measure.NewStat(alone).Median/1e3)
			return nil
		})
	}}
}

func proxiedCalls(cfg *Config, v *rival.Rival, o rival.Options, measured func(func() (measure.Sample, error)) error) error {
	u, err := v.Unary(o)
	if err != nil {
		return err
	}
	defer u.Close()
	if _, err := measure.Calls(o.Callers, cfg.WarmUp, u.Call); err != nil {
		return err
	}
	return measured(func() (measure.Sample, error) { return measure.Calls(o.Callers, cfg.Round, u.Call) })
}

func proxiedStream(window uint64, of func(*rival.Rival) func(rival.Options) (rival.Stream, error)) proxied {
	return func(cfg *Config, v *rival.Rival, o rival.Options, measured func(func() (measure.Sample, error)) error) error {
		source, err := of(v)(o)
		if err != nil {
			return err
		}
		s, n, err := fitted(cfg, source, o.Receivers, window)
		if err != nil {
			return err
		}
		defer s.Close()
		return measured(func() (measure.Sample, error) { return s.Run(n) })
	}
}
