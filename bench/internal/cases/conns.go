package cases

import (
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

const connsCallers = 64

// connsCase is the same load on one connection and spread over many.
func connsCase() Case {
	return Case{
		Name: "unary 64 B, 1 and 1,000 connections at the same load",
		Unit: "calls/s",
		Run: func(cfg *Config, r *Result) {
			many := 1000
			if cfg.Quick {
				many = 100
			}
			var list []*contender
			for i := range cfg.Rivals {
				if v := &cfg.Rivals[i]; v.Unary != nil && !v.OneConn && v.Missing == "" {
					list = append(list, connsOf(cfg, r, v, many)...)
				}
			}
			interleave(cfg, list)
			r.Notes = append(r.Notes, "With more connections than callers each caller goes round its share of them, one call after the other. "+
				"The raw echo needs a connection per caller, so its first row has 64.")
			r.connsTarget(rival.Ours+connsSuffix(connsCallers, 1), rival.Ours+connsSuffix(connsCallers, many))
			for _, callers := range []int{connsCallers, many} {
				suffix := connsSuffix(callers, many)
				r.ratioAtLeast(rival.Ours+suffix, rival.Raw+suffix, 0.85)
			}
		},
	}
}

func connsOf(cfg *Config, r *Result, v *rival.Rival, many int) (list []*contender) {
	for _, o := range []rival.Options{
		{Size: 64, Callers: connsCallers, Conns: 1},
		{Size: 64, Callers: connsCallers, Conns: many},
		{Size: 64, Callers: many, Conns: many},
	} {
		row := r.row("", "")
		conns := o.Conns
		if v.Name == rival.Raw {
			conns = max(conns, o.Callers)
		}
		row.named(v.Name, connsSuffix(o.Callers, conns))
		row.against = rival.Ours + connsSuffix(o.Callers, o.Conns)
		list = append(list, unary(cfg, row, v, o))
	}
	return list
}

func connsSuffix(callers, conns int) string {
	return fmt.Sprintf(", %d callers on %d", callers, conns)
}

func (r *Result) connsTarget(one, many string) {
	t := Target{What: "rate on 1,000 connections ÷ rate on 1", Want: 0.8}
	a, b := r.find(one), r.find(many)
	if a == nil || b == nil {
		t.Unknown = "ours was not measured"
	} else {
		t.Got = measure.NewStat(b.rounds).Median / measure.NewStat(a.rounds).Median
	}
	r.Targets = append(r.Targets, t)
}
