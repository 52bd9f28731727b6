package cases

import "github.com/gozmq/gozmq/bench/internal/rival"

// filtersCase is one subscription with very many filters, of which one matches.
func filtersCase() Case {
	return Case{
		Name: "PUB/SUB received, a subscription with 10,000 filters",
		Unit: "messages/s",
		Run: func(cfg *Config, r *Result) {
			var list []*contender
			o := rival.Options{Receivers: 1, Filters: 10000}
			for i := range cfg.Rivals {
				v := &cfg.Rivals[i]
				if v.Name != rival.Ours && v.Name != "NATS" && v.Name != "libzmq (cgo)" {
					continue
				}
				if row := r.rowOf(v); row != nil {
					list = append(list, stream(cfg, row, v.Feed, o, feedWindow(v)))
				}
			}
			interleave(cfg, list)
			r.cpuAtMost(2)
			r.Notes = append(r.Notes, windowNote, "How long it takes to open one: go test ./runtime/gozmq -run '^$' -bench OpenSubscription.")
		},
	}
}
