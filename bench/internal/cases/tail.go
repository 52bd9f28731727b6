package cases

import (
	"fmt"
	"math"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

const tailCallers = 64

// tailCase is how long the slowest hundredth of calls take while a connection
// does half of what it could.
func tailCase() Case {
	return Case{
		Name: "unary 64 B, 64 callers, p99 at half the maximum rate",
		Unit: "µs, p99",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			own := tails(cfg, r, "", nil)
			slowest := math.Inf(1)
			for _, t := range own {
				slowest = min(slowest, measure.NewStat(t.max).Median)
			}
			tails(cfg, r, ", half of the slowest's maximum", &slowest)
			r.Notes = append(r.Notes, "Each caller has its regular times; a call's time begins when it was due, or when its caller woke up if that was later: "+
				"what the timer is late by counts for no call, what an earlier call of the same caller holds up does. "+
				"The raw echo is the floor, but makes no garbage.")
			r.atLeast("ttrpc", 3)
			r.atLeast("gRPC", 3)
		},
	}
}

// A tail is one rival's row and what it could do at most, by round.
type tail struct {
	row *Row
	max []float64
}

// tails measures the rivals at half of their own maximum, or of another one.
func tails(cfg *Config, r *Result, suffix string, maximum *float64) (list []*tail) {
	var all []*contender
	for i := range cfg.Rivals {
		v := &cfg.Rivals[i]
		if v.Name != rival.Ours && v.Name != rival.Raw && v.Name != "ttrpc" && v.Name != "gRPC" {
			continue
		}
		t := &tail{row: r.row("", "")}
		t.row.named(v.Name, suffix)
		list = append(list, t)
		all = append(all, calling(t.row, v, rival.Options{Size: 64, Callers: tailCallers, Conns: 1}, func(call measure.Call) error {
			return t.measure(cfg, call, maximum)
		}))
	}
	interleave(cfg, all)
	return list
}

func (t *tail) measure(cfg *Config, call measure.Call, maximum *float64) error {
	for _, d := range []float64{cfg.WarmUp.Seconds(), cfg.Round.Seconds() / 2} {
		s, err := measure.Calls(tailCallers, seconds(d), call)
		if err != nil {
			return err
		}
		if maximum == nil {
			t.max = append(t.max[:len(t.row.rounds)], s.Rate)
		}
	}
	rate := 0.0
	if maximum != nil {
		rate = *maximum / 2
	} else {
		rate = t.max[len(t.max)-1] / 2
	}
	s, err := measure.Paced(tailCallers, rate, cfg.Round, call)
	if err == nil {
		t.row.add(float64(s.P99) / 1e3)
		t.row.samples = append(t.row.samples, s)
		t.row.Note = fmt.Sprintf("last round: wanted %.0f/s, got %.0f/s", rate, s.Rate)
	}
	return err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
