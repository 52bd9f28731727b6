package cases

import (
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// pushCases are tasks from one sender to one receiver. The libraries
// themselves hold the sender back.
func pushCases() []Case {
	return []Case{
		pushCase(64, want{"libzmq (cgo)", 3}, want{rival.CTool, 1}, want{"zmq4 sockets", 20}),
		pushCase(1<<10, want{"libzmq (cgo)", 2}, want{rival.CTool, 1}, want{"zmq4 sockets", 6}),
		pushCase(64<<10, want{"libzmq (cgo)", 2.5}),
	}
}

func pushCase(size int, wants ...want) Case {
	return Case{
		Name: "PUSH/PULL " + sizeName(size),
		Unit: "messages/s",
		Run: func(cfg *Config, r *Result) {
			var list []*contender
			for i := range cfg.Rivals {
				v := &cfg.Rivals[i]
				if v.Push == nil && v.PushRate == nil && v.Missing == "" {
					continue
				}
				row := r.rowOf(v)
				switch {
				case row == nil:
				case v.PushRate != nil:
					list = append(list, external(cfg, row, v, rival.Options{Size: size}))
				default:
					list = append(list, stream(cfg, row, v.Push, rival.Options{Size: size, Receivers: 1}, 0))
				}
			}
			interleave(cfg, list)
			for _, w := range wants {
				r.atLeast(w.rival, w.times)
			}
			if size < 64<<10 && len(wants) > 0 {
				r.ratioAtLeast(rival.Ours+" worker", rival.Ours, 0.91)
			}
		},
	}
}

// external is a contender that measures itself.
func external(cfg *Config, row *Row, v *rival.Rival, o rival.Options) *contender {
	return &contender{row, func() error {
		rate, err := v.PushRate(o, cfg.Round)
		if err == nil {
			row.add(rate)
		}
		return err
	}}
}
