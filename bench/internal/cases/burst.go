package cases

import (
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/child"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// burstCase is what a burst of large messages leaves behind, in a process of
// its own.
func burstCase() Case {
	return Case{
		Name: "heap after a burst of 64 MiB calls",
		Unit: "heap after ÷ heap before",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			calls := 16
			if cfg.Quick {
				calls = 2
			}
			var list []*contender
			for _, name := range []string{rival.Ours, "gRPC"} {
				row := r.row(name, "")
				list = append(list, &contender{row, func() error { return burst(cfg, row, calls) }})
			}
			once := *cfg
			once.Rounds = min(cfg.Rounds, 3)
			interleave(&once, list)
			r.Notes = append(r.Notes, fmt.Sprintf("%d calls, two at once, with the limits raised; the heap is what is reachable after three garbage collections.", calls))
			t := Target{What: "worst round", Want: 1.1, AtMost: true, Unknown: "ours was not measured"}
			if ours := r.find(rival.Ours); ours != nil {
				t.Got, t.Unknown = measure.NewStat(ours.rounds).Max, ""
			}
			r.Targets = append(r.Targets, t)
		},
	}
}

func burst(cfg *Config, row *Row, calls int) error {
	p, _, err := child.Start(cfg.Self, "burst", row.Rival, fmt.Sprint(calls))
	if err != nil {
		return err
	}
	defer p.Stop()
	before, err := p.Bytes()
	if err != nil {
		return err
	}
	after, err := p.Bytes()
	if err != nil {
		return err
	}
	row.add(float64(after) / float64(before))
	row.Note = fmt.Sprintf("before %d KiB, after %d KiB", before>>10, after>>10)
	return nil
}
