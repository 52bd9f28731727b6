package cases

import (
	"sync"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

const fairCallers = 8

// fairCase has 8 callers on one connection make as many calls each, and looks
// at how far apart they finish.
func fairCase() Case {
	return Case{
		Name: "fairness: 8 callers on one connection, as many calls each",
		Unit: "% between the first and the last to finish",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			var list []*contender
			for i := range cfg.Rivals {
				v := &cfg.Rivals[i]
				switch v.Name {
				case rival.Ours, "ttrpc", "gRPC", "drpc":
					list = append(list, fair(cfg, r.row(v.Name, v.Note), v))
				}
			}
			interleave(cfg, list)
			t := Target{What: "worst round, %", Want: 20, AtMost: true, Unknown: "ours was not measured"}
			if ours := r.find(rival.Ours); ours != nil {
				t.Got, t.Unknown = measure.NewStat(ours.rounds).Max, ""
			}
			r.Targets = append(r.Targets, t)
		},
	}
}

func fair(cfg *Config, row *Row, v *rival.Rival) *contender {
	return calling(row, v, rival.Options{Size: 64, Callers: fairCallers, Conns: 1}, func(call measure.Call) error {
		s, err := measure.Calls(fairCallers, cfg.WarmUp, call)
		if err != nil {
			return err
		}
		percent, err := finishSpread(call, max(int(s.Rate*cfg.Round.Seconds())/fairCallers, 50))
		if err == nil {
			row.add(percent)
		}
		return err
	})
}

// finishSpread returns how much earlier than the last the first of the callers
// finished, in percent of the time that the last one took.
func finishSpread(call measure.Call, calls int) (float64, error) {
	var (
		wg   sync.WaitGroup
		took [fairCallers]time.Duration
		errs [fairCallers]error
	)
	begin := time.Now()
	for i := range fairCallers {
		wg.Go(func() {
			for range calls {
				if errs[i] = call(i); errs[i] != nil {
					return
				}
			}
			took[i] = time.Since(begin)
		})
	}
	wg.Wait()
	first, last := took[0], took[0]
	for i := range fairCallers {
		if errs[i] != nil {
			return 0, errs[i]
		}
		first, last = min(first, took[i]), max(last, took[i])
	}
	return 100 * float64(last-first) / float64(last), nil
}
