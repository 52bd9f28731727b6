package cases

import "github.com/gozmq/gozmq/bench/internal/rival"

// atMostOnce is the row of ours with the other guarantee.
const atMostOnce = "gozmq, at most once"

// sureCases are tasks that are delivered until they are done, from one ventilator
// to one worker, in memory.
func sureCases() []Case { return []Case{sureCase(64), sureCase(1 << 10)} }

func sureCase(size int) Case {
	return Case{
		Name: "at least once, in memory, " + sizeName(size), Unit: "tasks/s",
		Run: func(cfg *Config, r *Result) {
			var list []*contender
			o := rival.Options{Size: size, Receivers: 1}
			for i := range cfg.Rivals {
				v := &cfg.Rivals[i]
				if v.Sure == nil {
					continue
				}
				if row := r.rowOf(v); row != nil {
					list = append(list, stream(cfg, row, v.Sure, o, 0))
				}
				if v.Name == rival.Ours {
					worker := rival.GozmqWorker()
					list = append(list, stream(cfg, r.row(atMostOnce, worker.Note), worker.Push, o, 0))
				}
			}
			interleave(cfg, list)
			r.Notes = append(r.Notes, "One worker, one task at a time. gozmq's ventilator holds the tasks itself: what it has "+
				"accepted needs no confirmation by another process. JetStream confirms each acknowledgement to the worker (double ack); "+
				"gozmq does not: where a DONE is lost with its connection, the task is run again.")
			r.atLeast(atMostOnce, 0.5)
			r.atLeast(rival.JetStream, 5)
		},
	}
}
