package cases

import "github.com/gozmq/gozmq/bench/internal/rival"

// curveCases are what CURVE costs: ours and libzmq, each without and with it.
func curveCases() []Case {
	list := []Case{unaryCase(64, 1), unaryCase(64, 64), pushCase(64), pushCase(1 << 10), pushCase(64 << 10)}
	for i, c := range list {
		run := c.Run
		list[i].Name = "CURVE, " + c.Name
		list[i].Run = func(cfg *Config, r *Result) {
			own := *cfg
			own.Rivals = rival.Secured()
			run(&own, r)
			for _, row := range r.Rows {
				row.against = rival.Ours + " + CURVE"
			}
			r.ratioAtLeast(rival.Ours+" + CURVE", "libzmq (cgo) + CURVE", 2.5)
		}
	}
	return list
}
