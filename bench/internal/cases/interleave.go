package cases

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// A contender is one row while it is measured. run opens what it needs, warms
// it up, measures one round and closes it again: what else is measured never
// pays for its connections, goroutines and memory.
type contender struct {
	row *Row
	run func() error
}

// interleave runs the rounds: A B C, A B C. One that fails or gets stuck is
// left out from there on.
func interleave(cfg *Config, list []*contender) {
	for range cfg.Rounds {
		for _, c := range list {
			c.attempt(cfg)
		}
	}
}

// attempt runs one round within a limit. What is stuck stays behind.
func (c *contender) attempt(cfg *Config) {
	if c.row.Err != "" || c.row.Missing != "" {
		return
	}
	if err := within(60*time.Second+10*cfg.Round, c.run); err != nil {
		c.row.Err = err.Error()
		cfg.Log("  %s: %v", c.row.Rival, err)
	}
}

func within(limit time.Duration, step func() error) error {
	done := make(chan error, 1)
	go func() { done <- step() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("stuck: not done after %v", limit)
	}
}

// rowOf adds a rival's row; it returns nil when there is nothing to measure.
func (r *Result) rowOf(v *rival.Rival) *Row {
	row := r.row(v.Name, v.Note)
	if row.Missing = v.Missing; row.Missing != "" {
		return nil
	}
	return row
}

// unary makes a rival's calls one after the other.
func unary(cfg *Config, row *Row, v *rival.Rival, o rival.Options) *contender {
	return calling(row, v, o, func(call measure.Call) error {
		if _, err := measure.Calls(o.Callers, cfg.WarmUp, call); err != nil {
			return err
		}
		s, err := measure.Calls(o.Callers, cfg.Round, call)
		if err == nil {
			row.addSample(s)
		}
		return err
	})
}

// calling opens a rival's calls for what is to be done with them.
func calling(row *Row, v *rival.Rival, o rival.Options, do func(measure.Call) error) *contender {
	return &contender{row, func() error {
		u, err := v.Unary(o)
		if err != nil {
			return err
		}
		defer u.Close()
		return do(u.Call)
	}}
}

// window is how many publications may be under way, where a rival does not say
// otherwise: half of what most queues hold.
const window = 500

// fitted returns what drives a source, and for how many messages a round has time.
func fitted(cfg *Config, source rival.Stream, receivers int, window uint64) (s *measure.Stream, n int, err error) {
	if s, err = measure.NewStream(source, receivers, window); err != nil {
		return nil, 0, err
	}
	if n, err = s.Fit(cfg.WarmUp); err != nil {
		s.Close()
		return nil, 0, err
	}
	return s, max(int(float64(n)*float64(cfg.Round)/float64(cfg.WarmUp)), 64), nil
}

// stream drives a source.
func stream(cfg *Config, row *Row, open func(rival.Options) (rival.Stream, error), o rival.Options, window uint64) *contender {
	return &contender{row, func() error {
		source, err := open(o)
		if err != nil {
			return err
		}
		s, n, err := fitted(cfg, source, o.Receivers, window)
		if err != nil {
			return err
		}
		defer s.Close()
		sample, err := s.Run(n)
		if err != nil {
			return err
		}
		row.addSample(sample)
		if lost := row.stat(func(s measure.Sample) float64 { return s.Lost }).Max; lost > 0 {
			row.Note = fmt.Sprintf("dropped up to %.3g %%", 100*lost)
		}
		return nil
	}}
}

// feedWindow returns a rival's window.
func feedWindow(v *rival.Rival) uint64 {
	if v.Window > 0 {
		return uint64(v.Window)
	}
	return window
}
