package cases

import (
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/rival"
)

// A want is how many times as good as a rival ours is to be.
type want struct {
	rival string
	times float64
}

// unaryCases are calls that echo, by size and number of callers, all on one
// connection.
func unaryCases() []Case {
	return []Case{
		unaryCase(64, 1, want{rival.Raw, 0.85}, want{"ttrpc", 1.5}, want{"gRPC", 4.5}),
		unaryCase(64, 64, want{rival.Raw, 1}, want{"ttrpc", 2}, want{"gRPC", 5}, want{"libzmq (cgo)", 4.5}, want{"zmq4 sockets", 4}),
		unaryCase(1<<10, 16, want{"ttrpc", 1.5}, want{"gRPC", 3}),
		unaryCase(64<<10, 16, want{rival.Raw, 0.5}, want{"drpc", 2}, want{"gRPC", 4.5}),
	}
}

func unaryCase(size, callers int, wants ...want) Case {
	plural := "callers"
	if callers == 1 {
		plural = "caller"
	}
	return Case{
		Name: fmt.Sprintf("unary %s, %d %s", sizeName(size), callers, plural),
		Unit: "calls/s",
		Run: func(cfg *Config, r *Result) {
			o := rival.Options{Size: size, Callers: callers, Conns: 1}
			var list []*contender
			for i := range cfg.Rivals {
				v := &cfg.Rivals[i]
				if v.Unary == nil && v.Missing == "" || v.Name == rival.CTool {
					continue
				}
				if row := r.rowOf(v); row != nil {
					list = append(list, unary(cfg, row, v, o))
				}
			}
			interleave(cfg, list)
			for _, w := range wants {
				r.atLeast(w.rival, w.times)
			}
			if size == 64 && callers == 64 && len(wants) > 0 {
				r.cpuAtMost(5)
			}
		},
	}
}

func sizeName(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
