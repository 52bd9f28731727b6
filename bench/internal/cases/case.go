// Package cases has what is measured, one case per file, with the targets that
// gozmq is held to.
package cases

import (
	"cmp"
	"slices"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// Config says how to measure.
type Config struct {
	Rivals []rival.Rival          // ours first
	Wanted func(name string) bool // which others are to be measured
	Rounds int
	Round  time.Duration // of one rival
	WarmUp time.Duration // before the first round
	Quick  bool          // small numbers, to see whether everything works
	Dir    string        // for temporary files
	Self   string        // this program, to be run again
	Log    func(format string, args ...any)
}

// A Case is one table.
type Case struct {
	Name string
	// Unit is what a row's figure counts.
	Unit string
	// Less is true when a smaller figure is better.
	Less bool
	Run  func(*Config, *Result)
}

// All returns every case in the order of the report.
func All() []Case {
	list := slices.Concat(unaryCases(), streamCases(), pushCases(), sureCases(), curveCases())
	list = append(list, feedCase(), filtersCase(), fanOutCase(), tailCase(), allocsCase(), connsCase(), idleCase(), burstCase(), pluginCase(), fairCase())
	list = slices.Concat(list, proxyCases(), apartCases())
	return append(list, durableCases()...)
}

// A Result is what a case gave.
type Result struct {
	Case    string   `json:"case"`
	Unit    string   `json:"unit"`
	Less    bool     `json:"less_is_better"`
	Rows    []*Row   `json:"rows"`
	Targets []Target `json:"targets"`
	Notes   []string `json:"notes,omitempty"`
}

// A Row is what one rival gave.
type Row struct {
	Rival   string       `json:"rival"`
	Note    string       `json:"note,omitempty"`
	Missing string       `json:"missing,omitempty"` // why there is no figure, which is no fault
	Err     string       `json:"error,omitempty"`   // what went wrong
	Figure  measure.Stat `json:"figure"`
	// Ratio is ours by theirs, or theirs by ours where less is better: above 1
	// ours is better. Round by round, so that both met the same weather.
	Ratio  measure.Stat `json:"ratio"`
	P50    measure.Stat `json:"p50_ns"`
	P99    measure.Stat `json:"p99_ns"`
	Allocs measure.Stat `json:"allocs_per_op"`
	Bytes  measure.Stat `json:"bytes_per_op"`
	CPU    measure.Stat `json:"cpu_ns_per_op"`

	against string // the row of ours that it is compared with; "": that named so
	rounds  []float64
	samples []measure.Sample
}

// A Target is one promise and what came of it.
type Target struct {
	What    string  `json:"what"`
	Got     float64 `json:"got"`
	Want    float64 `json:"want"`
	AtMost  bool    `json:"at_most"`           // Want is a maximum
	Unknown string  `json:"unknown,omitempty"` // why nothing is known
}

// Met reports whether the promise was kept.
func (t Target) Met() bool {
	if t.Unknown != "" {
		return false
	}
	if t.AtMost {
		return t.Got <= t.Want
	}
	return t.Got >= t.Want
}

// Do runs a case.
func (c Case) Do(cfg *Config) *Result {
	r := &Result{Case: c.Name, Unit: c.Unit, Less: c.Less}
	c.Run(cfg, r)
	r.compare()
	return r
}

// row adds a row.
func (r *Result) row(name, note string) *Row {
	row := &Row{Rival: name, Note: note}
	r.Rows = append(r.Rows, row)
	return row
}

// find returns a row that has a figure, or nil.
func (r *Result) find(name string) *Row {
	for _, row := range r.Rows {
		if row.Rival == name && row.Err == "" && len(row.rounds) > 0 {
			return row
		}
	}
	return nil
}

// add adds what one round gave.
func (row *Row) add(figure float64) { row.rounds = append(row.rounds, figure) }

func (row *Row) addSample(s measure.Sample) {
	row.add(s.Rate)
	row.samples = append(row.samples, s)
}

// compare makes the rows' figures of their rounds.
func (r *Result) compare() {
	for _, row := range r.Rows {
		row.Figure = measure.NewStat(row.rounds)
		ours := r.find(cmp.Or(row.against, rival.Ours))
		if ours != nil && row != ours {
			row.Ratio = r.ratio(ours, row)
		}
		row.P50 = row.stat(func(s measure.Sample) float64 { return float64(s.P50) })
		row.P99 = row.stat(func(s measure.Sample) float64 { return float64(s.P99) })
		row.Allocs = row.stat(func(s measure.Sample) float64 { return s.Allocs })
		row.Bytes = row.stat(func(s measure.Sample) float64 { return s.Bytes })
		row.CPU = row.stat(func(s measure.Sample) float64 { return float64(s.CPU) })
	}
}

func (row *Row) stat(of func(measure.Sample) float64) measure.Stat {
	rounds := make([]float64, len(row.samples))
	for i, s := range row.samples {
		rounds[i] = of(s)
	}
	return measure.NewStat(rounds)
}

func (r *Result) ratio(ours, theirs *Row) measure.Stat {
	var rounds []float64
	for i := range min(len(ours.rounds), len(theirs.rounds)) {
		a, b := ours.rounds[i], theirs.rounds[i]
		if r.Less {
			a, b = b, a
		}
		if b > 0 {
			rounds = append(rounds, a/b)
		}
	}
	return measure.NewStat(rounds)
}

// atLeast adds the target that ours is so many times as good as a rival.
func (r *Result) atLeast(name string, want float64) {
	r.times("× "+name, rival.Ours, name, want)
}

// ratioAtLeast adds the target that one row is so many times as good as another.
func (r *Result) ratioAtLeast(mine, name string, want float64) {
	r.times(mine+" × "+name, mine, name, want)
}

// cpuAtMost adds the target that an operation of ours takes so many µs of CPU.
func (r *Result) cpuAtMost(want float64) {
	t := Target{What: "µs of CPU", Want: want, AtMost: true, Unknown: "ours was not measured"}
	if ours := r.find(rival.Ours); ours != nil {
		t.Got = ours.stat(func(s measure.Sample) float64 { return float64(s.CPU) / 1e3 }).Median
		t.Unknown = ""
	}
	r.Targets = append(r.Targets, t)
}

func (r *Result) times(what, mine, name string, want float64) {
	t := Target{What: what, Want: want}
	ours, theirs := r.find(mine), r.find(name)
	switch {
	case ours == nil:
		t.Unknown = mine + " was not measured"
	case theirs == nil:
		t.Unknown = name + " was not measured"
	default:
		t.Got = r.ratio(ours, theirs).Median
	}
	r.Targets = append(r.Targets, t)
}
