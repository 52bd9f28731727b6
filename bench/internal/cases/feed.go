package cases

import "github.com/gozmq/gozmq/bench/internal/rival"

// feedCase is publications from one publisher to one subscriber.
func feedCase() Case {
	return Case{
		Name: "PUB/SUB received, 64 B, 1 subscriber",
		Unit: "messages/s",
		Run: func(cfg *Config, r *Result) {
			var list []*contender
			for i := range cfg.Rivals {
				v := &cfg.Rivals[i]
				if v.Feed == nil && v.Missing == "" || v.Name == rival.CTool {
					continue
				}
				if row := r.rowOf(v); row != nil {
					list = append(list, stream(cfg, row, v.Feed, rival.Options{Size: 64, Receivers: 1}, feedWindow(v)))
				}
			}
			interleave(cfg, list)
			r.atLeast("libzmq (cgo)", 6)
			r.atLeast("NATS", 4)
			r.cpuAtMost(0.9)
			r.Notes = append(r.Notes, windowNote)
		},
	}
}

const windowNote = "The publisher is held back so that at most 500 messages are on their way to the slowest subscriber " +
	"(100 for mangos, whose queue holds 128), which no default queue needs to drop. What is counted is what was received. " +
	"When nothing has come for 1 ms one more message goes out, since libzmq, which looks up what its peers have read about every " +
	"millisecond, drops even so."
