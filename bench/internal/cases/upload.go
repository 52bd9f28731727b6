package cases

import (
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// uploadCase is a stream from a caller to its server.
func uploadCase(size int, wants ...want) Case {
	return Case{
		Name: "client stream " + sizeName(size), Unit: "messages/s",
		Run: func(cfg *Config, r *Result) {
			interleave(brief(cfg), r.streams(cfg, rival.Options{Size: size, Callers: 1}, func(row *Row, s rival.Streams) error {
				return row.upload(cfg, s)
			}))
			r.Notes = append(r.Notes, "From the call to the server's reply, which says how many messages came.")
			for _, w := range wants {
				r.atLeast(w.rival, w.times)
			}
		},
	}
}

func (row *Row) upload(cfg *Config, s rival.Streams) error {
	sample, err := measure.Batch(cfg.WarmUp, cfg.Round, s.Upload)
	if err != nil {
		return err
	}
	if sample.Lost > 0 {
		row.Note += fmt.Sprintf("; lost %.3g %%", 100*sample.Lost)
	}
	row.addSample(sample)
	return nil
}
