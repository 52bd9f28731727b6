package cases

import (
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// fanOutAllowance is by how much a cost may seem to grow: the noise.
const fanOutAllowance = 1.05

// fanOutCase is what one publication costs per subscriber that it reaches.
func fanOutCase() Case {
	return Case{
		Name: "PUB/SUB 64 B, cost per delivered message for 1, 10 and 100 subscribers",
		Unit: "ns per delivery",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			var ours []*Row
			for _, subscribers := range []int{1, 10, 100} {
				rows := fanOut(cfg, r, subscribers)
				ours = append(ours, rows[0])
			}
			for i, n := range []int{10, 100} {
				t := Target{What: fmt.Sprintf("cost for %d subscribers ÷ cost for 1", n), Want: fanOutAllowance, AtMost: true}
				a, b := measure.NewStat(ours[0].rounds), measure.NewStat(ours[i+1].rounds)
				if t.Got = b.Median / max(a.Median, 1); a.Median == 0 || b.Median == 0 {
					t.Unknown = "ours was not measured"
				}
				r.Targets = append(r.Targets, t)
			}
			r.ratioAtLeast(rival.Ours+", 100", "NATS, 100", 3)
			r.Notes = append(r.Notes, windowNote, "5 % are allowed for noise.")
		},
	}
}

// fanOut measures every rival with so many subscribers; ours comes first.
func fanOut(cfg *Config, r *Result, subscribers int) []*Row {
	var (
		list []*contender
		rows []*Row
	)
	for i := range cfg.Rivals {
		v := &cfg.Rivals[i]
		if v.Feed == nil && v.Missing == "" || v.Name == rival.CTool {
			continue
		}
		row := r.rowOf(v)
		r.last().named(v.Name, fmt.Sprintf(", %d", subscribers))
		if row == nil {
			continue
		}
		rows = append(rows, row)
		list = append(list, stream(cfg, row, v.Feed, rival.Options{Size: 64, Receivers: subscribers}, feedWindow(v)))
	}
	interleave(cfg, list)
	for _, row := range rows {
		for i, s := range row.samples {
			row.rounds[i] = 1e9 / s.Rate
		}
	}
	return rows
}

// last returns the row that was added last.
func (r *Result) last() *Row { return r.Rows[len(r.Rows)-1] }

// named says which of several rows of a rival this is; it is compared with the
// same one of ours.
func (row *Row) named(name, suffix string) {
	row.Rival, row.against = name+suffix, rival.Ours+suffix
}
