package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/load"
)

func sortedKeys(m map[string]uint64) []string { return slices.Sorted(maps.Keys(m)) }

// text returns the result for people.
func (x *benching) text(r load.Result) string {
	var b strings.Builder
	p := x.flags.plan
	fmt.Fprintf(&b, "%s at %s\n", x.method.Procedure, x.target)
	if p.Rate > 0 {
		kind := "even"
		if p.Poisson {
			kind = "random"
		}
		fmt.Fprintf(&b, "open loop: %g/s, %s arrivals, up to %d at once\n", p.Rate, kind, p.Workers)
	} else {
		fmt.Fprintf(&b, "closed loop: %d at once\n", p.Workers)
	}
	seconds := max(r.Elapsed.Seconds(), 1e-9)
	fmt.Fprintf(&b, "%d begun, %d done, %d failed in %s\n", r.Sent, r.Done, r.Failed, roughly(r.Elapsed))
	if len(r.Errors) > 0 {
		fmt.Fprintf(&b, "failed: %s\n", errorsText(r))
	}
	fmt.Fprintf(&b, "%.1f operations/s, %.1f messages/s, %.1f kB/s\n\n", float64(r.Done)/seconds, float64(r.Messages)/seconds, float64(r.Bytes)/seconds/1000)
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "\tmin\tmean\t50%\t90%\t99%\t99.9%\t99.99%\tmax\t\n")
	rows := []struct {
		name string
		load.Latencies
	}{{"latency", r.Latency}, {"service", r.Service}, {"generator", r.Lateness}}
	if p.Rate == 0 {
		rows = rows[:1]
	}
	for _, row := range rows {
		fmt.Fprintf(tw, "%s\t", row.name)
		for _, d := range []time.Duration{row.Min, row.Mean, row.P50, row.P90, row.P99, row.P999, row.P9999, row.Max} {
			fmt.Fprintf(tw, "%s\t", roughly(d))
		}
		fmt.Fprint(tw, "\n")
	}
	_ = tw.Flush()
	return b.String()
}

// A benchJSON is the result for programs. Times are in milliseconds.
type benchJSON struct {
	Method      string            `json:"method"`
	Endpoints   []string          `json:"endpoints"`
	Loop        string            `json:"loop"` // open or closed
	Rate        float64           `json:"rate,omitempty"`
	Poisson     bool              `json:"poisson,omitempty"`
	Concurrency int               `json:"concurrency"`
	Elapsed     float64           `json:"elapsedMs"`
	Begun       uint64            `json:"begun"`
	Done        uint64            `json:"done"`
	Failed      uint64            `json:"failed"`
	Errors      map[string]uint64 `json:"errors,omitempty"`
	Operations  float64           `json:"operationsPerSecond"`
	Messages    float64           `json:"messagesPerSecond"`
	Bytes       float64           `json:"bytesPerSecond"`
	Latency     latenciesJSON     `json:"latencyMs"`
	Service     latenciesJSON     `json:"serviceMs"`
	Generator   latenciesJSON     `json:"generatorLatenessMs"`
}

type latenciesJSON struct {
	Min   float64 `json:"min"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	P9999 float64 `json:"p99.99"`
	Max   float64 `json:"max"`
}

func milliseconds(l load.Latencies) latenciesJSON {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return latenciesJSON{ms(l.Min), ms(l.Mean), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.P9999), ms(l.Max)}
}

func (x *benching) json(r load.Result) benchJSON {
	p := x.flags.plan
	seconds := max(r.Elapsed.Seconds(), 1e-9)
	o := benchJSON{
		Method: x.method.Procedure, Endpoints: x.target.Endpoints, Loop: "closed",
		Rate: p.Rate, Poisson: p.Poisson, Concurrency: p.Workers,
		Elapsed: float64(r.Elapsed.Microseconds()) / 1000,
		Begun:   r.Sent, Done: r.Done, Failed: r.Failed, Errors: r.Errors,
		Operations: float64(r.Done) / seconds, Messages: float64(r.Messages) / seconds, Bytes: float64(r.Bytes) / seconds,
		Latency: milliseconds(r.Latency), Service: milliseconds(r.Service), Generator: milliseconds(r.Lateness),
	}
	if p.Rate > 0 {
		o.Loop = "open"
	}
	return o
}
