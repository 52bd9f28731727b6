package cases

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// A Sweep is one measurement at several sizes, callers or the like.
type Sweep struct {
	Name, Title string // of its file, and above it
	X, Unit     string // what grows, and what is counted
	Xs          []int  // in rising order

	// rivals are those beside ours, best first: the first two that are there.
	rivals []string
	point  func(*Config, *Row, *rival.Rival, int) *contender
}

// A SweepResult is what a sweep gave.
type SweepResult struct {
	Name   string    `json:"name"`
	Title  string    `json:"title"`
	X      string    `json:"x"`
	Unit   string    `json:"unit"`
	Series []*Series `json:"series"`
}

// A Series is what one library gave.
type Series struct {
	Rival  string  `json:"rival"`
	Points []Point `json:"points"`
}

// A Point is the median of some rounds.
type Point struct {
	X      int     `json:"x"`
	Rate   float64 `json:"rate"`
	CPU    float64 `json:"cpu_ns_per_op"`
	Rounds int     `json:"rounds"`
	Err    string  `json:"error,omitempty"`
}

// beside is how many libraries are measured beside ours.
const beside = 2

// Sweeps returns every sweep in the order of the report. No point has more
// connections than the process may open.
func Sweeps() []Sweep {
	conns := []int{1, 10, 100, 1000, 10000}
	if limit := maxFiles(); limit > 0 {
		conns[4] = min(conns[4], (limit-spareFiles)/2)
	}
	sizes := []int{0, 64, 1 << 10, 16 << 10, 128 << 10, 1 << 20}
	feeds := []string{"NATS", "libzmq (cgo)", "mangos", "zmq4 sockets"}
	return []Sweep{
		{"size-calls", "Calls by size, 16 callers on one connection", "bytes of payload", "calls/s", sizes,
			[]string{"gRPC", "ttrpc"}, unaryPoint(func(x int) rival.Options { return rival.Options{Size: x, Callers: 16, Conns: 1} })},
		{"size-tasks", "Tasks by size, PUSH/PULL, at most once", "bytes of payload", "tasks/s", sizes,
			[]string{"libzmq (cgo)", "zmq4 sockets", "mangos"}, pushPoint},
		{"callers", "Calls of 64 B by callers, on one connection", "callers", "calls/s", []int{1, 10, 100, 1000, 10000},
			[]string{"gRPC", "ttrpc"}, unaryPoint(func(x int) rival.Options { return rival.Options{Size: 64, Callers: x, Conns: 1} })},
		{"connections", "Calls of 64 B by connections, 64 callers", "connections", "calls/s", conns,
			[]string{"gRPC", rival.Raw}, unaryPoint(func(x int) rival.Options { return rival.Options{Size: 64, Callers: 64, Conns: x} })},
		{"subscribers", "Publications of 64 B by subscribers", "subscribers", "deliveries/s", []int{1, 10, 100, 1000},
			feeds, feedPoint(func(x int) rival.Options { return rival.Options{Size: 64, Receivers: x} })},
		{"filters", "Publications by filters of one subscription", "filters", "messages/s", []int{1, 10, 100, 1000, 10000, 100000},
			feeds, feedPoint(func(x int) rival.Options { return rival.Options{Receivers: 1, Filters: x} })},
		{"waiting", "Tasks of 64 B while others wait, in memory", "tasks that wait", "tasks/s",
			[]int{1, 10, 100, 1000, 10000, 100000, 1000000}, []string{rival.JetStream, "libzmq (cgo)"}, waitingPoint},
	}
}

func unaryPoint(options func(int) rival.Options) func(*Config, *Row, *rival.Rival, int) *contender {
	return func(cfg *Config, row *Row, v *rival.Rival, x int) *contender {
		if v.Unary == nil {
			return nil
		}
		return unary(cfg, row, v, options(x))
	}
}

func pushPoint(cfg *Config, row *Row, v *rival.Rival, x int) *contender {
	if v.Push == nil {
		return nil
	}
	return stream(cfg, row, v.Push, rival.Options{Size: x, Receivers: 1}, 0)
}

func feedPoint(options func(int) rival.Options) func(*Config, *Row, *rival.Rival, int) *contender {
	return func(cfg *Config, row *Row, v *rival.Rival, x int) *contender {
		if v.Feed == nil {
			return nil
		}
		return stream(cfg, row, v.Feed, options(x), feedWindow(v))
	}
}

// waitingPoint has tasks that are delivered until they are done, where a library
// knows such.
func waitingPoint(cfg *Config, row *Row, v *rival.Rival, x int) *contender {
	open := v.Sure
	if open == nil {
		open = v.Push
	}
	if open == nil {
		return nil
	}
	return &contender{row, func() error {
		source, err := open(rival.Options{Size: 64, Receivers: 1, Waiting: x})
		if err != nil {
			return err
		}
		sample, err := measure.Backlog(source, x, cfg.WarmUp, cfg.Round)
		if err == nil {
			row.addSample(sample)
		}
		return err
	}}
}

// Do measures the sweep: one round of every point, and further ones, up to the
// config's, while there is time until then. A library that fails at a point has
// none further on.
func (s Sweep) Do(cfg *Config, until time.Time) *SweepResult {
	r := &SweepResult{Name: s.Name, Title: s.Title, X: s.X, Unit: s.Unit}
	rows := make(map[*Series][]*Row)
	var rivals []*rival.Rival
	for _, v := range s.chosen(cfg) {
		series := &Series{Rival: v.Name}
		for range s.Xs {
			rows[series] = append(rows[series], &Row{Rival: v.Name})
		}
		r.Series, rivals = append(r.Series, series), append(rivals, v)
	}
	for range cfg.Rounds {
		for i, x := range s.Xs {
			for j, series := range r.Series {
				row := rows[series][i]
				if i > 0 && rows[series][i-1].Err != "" {
					row.Err = fmt.Sprintf("not measured, as %d failed", s.Xs[i-1])
				}
				if time.Now().After(until) {
					break
				}
				s.point(cfg, row, rivals[j], x).attempt(cfg)
			}
		}
	}
	for _, series := range r.Series {
		series.points(s.Xs, rows[series])
	}
	return r
}

// chosen returns ours and those beside it.
func (s Sweep) chosen(cfg *Config) (list []*rival.Rival) {
	for _, name := range append([]string{rival.Ours}, s.rivals...) {
		for i := range cfg.Rivals {
			v := &cfg.Rivals[i]
			usable := v.Name == name && v.Missing == "" && s.point(cfg, new(Row), v, s.Xs[0]) != nil
			if usable && len(list) <= beside {
				list = append(list, v)
			}
		}
	}
	return list
}

func (s *Series) points(xs []int, rows []*Row) {
	for i, row := range rows {
		p := Point{X: xs[i], Rounds: len(row.samples), Err: row.Err}
		p.Rate = measure.NewStat(row.rounds).Median
		p.CPU = row.stat(func(s measure.Sample) float64 { return float64(s.CPU) }).Median
		if p.Rounds == 0 && p.Err == "" {
			p.Err = "no time was left"
		}
		s.Points = append(s.Points, p)
	}
}
