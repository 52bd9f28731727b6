package cases

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gozmq/gozmq/bench/internal/durable"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// manyTasks is how many tasks a batch has.
const manyTasks = 1000

// durableCases are tasks that a queue keeps on disk until they are done.
func durableCases() []Case {
	var list []Case
	for _, synced := range []bool{true, false} {
		list = append(list, tasksCase(synced, durable.Producers, 1), tasksCase(synced, 1, 1),
			tasksCase(synced, 1, manyTasks), tasksTailCase(synced))
	}
	return slices.Concat(list, backlogCases(), []Case{takeoverCase()})
}

func durability(synced bool) string {
	if synced {
		return "every commit synced"
	}
	return "no commit synced"
}

func tasksCase(synced bool, producers, batch int) Case {
	name := fmt.Sprintf("durable tasks, %s, %d producers", durability(synced), producers)
	switch {
	case batch > 1:
		name = fmt.Sprintf("durable tasks, %s, 1 producer, %d at a time", durability(synced), batch)
	case producers == 1:
		name = strings.TrimSuffix(name, "s")
	}
	return Case{Name: name, Unit: "tasks/s, inserted and done", Run: func(cfg *Config, r *Result) {
		d := newDurables(cfg, r, func(k durable.Kind) bool { return has(k, synced) && (batch == 1 || k.Batch) })
		defer d.servers.Close()
		d.each(func(row *Row, k durable.Kind) error {
			return d.with(k, durable.Options{Synced: synced}, func(q durable.Queue, t *measure.Tasks) error {
				if _, err := t.Rate(producers, batch, cfg.WarmUp, q.Insert); err != nil {
					return err
				}
				s, err := t.Rate(producers, batch, cfg.Round, q.Insert)
				if err == nil {
					row.addSample(s)
				}
				return err
			})
		})
		r.Notes = append(r.Notes, "From the first insert until the worker has done the last task. The processor time is without that of the servers.")
		r.durableTargets(synced, batch == 1, 2)
	}}
}

// has reports whether a queue can be so durable.
func has(k durable.Kind, synced bool) bool { return synced && k.Synced || !synced && k.Unsynced }

// durableTargets adds the targets of ours by River and asynq.
func (r *Result) durableTargets(synced, asynq bool, want float64) {
	r.ratioAtLeast(durable.Postgres, durable.River, want)
	if !asynq {
		return
	}
	r.ratioAtLeast(durable.Postgres, durable.Asynq, want)
	if synced {
		r.ratioAtLeast(durable.Bolt, durable.Asynq, want)
	} else {
		r.ratioAtLeast(durable.Memory, durable.Asynq, want)
	}
}

// A durables measures queues in turn.
type durables struct {
	cfg     *Config
	servers *durable.Servers
	kinds   []durable.Kind
	rows    []*Row
}

// wants reports whether a queue is to be measured.
func (cfg *Config) wants(k durable.Kind) bool {
	return strings.HasPrefix(k.Name, rival.Ours) || cfg.Wanted(k.Name)
}

// excused reports whether a queue may do without a figure, because its server is
// not installed. With GOZMQ_INTEROP none may.
func excused(err error) bool {
	return errors.Is(err, durable.ErrMissing) && os.Getenv("GOZMQ_INTEROP") == ""
}

// newDurables adds a row for each queue that fits and is wanted.
func newDurables(cfg *Config, r *Result, fits func(durable.Kind) bool) *durables {
	d := &durables{cfg: cfg, servers: durable.NewServers(cfg.Dir)}
	for _, k := range durable.Kinds() {
		if fits(k) && cfg.wants(k) {
			row := r.row(k.Name, k.Note)
			row.against = durable.Postgres
			d.kinds, d.rows = append(d.kinds, k), append(d.rows, row)
		}
	}
	return d
}

// each measures the rounds: A B C, A B C.
func (d *durables) each(round func(*Row, durable.Kind) error) {
	var list []*contender
	for i, row := range d.rows {
		list = append(list, &contender{row, func() error {
			err := round(row, d.kinds[i])
			if excused(err) {
				row.Missing = err.Error()
				return nil
			}
			return err
		}})
	}
	interleave(d.cfg, list)
}

// with opens a queue with its worker for what is to be measured.
func (d *durables) with(k durable.Kind, o durable.Options, do func(durable.Queue, *measure.Tasks) error) error {
	q, err := k.Open(d.servers, o)
	if err != nil {
		return err
	}
	defer q.Close()
	t := measure.NewTasks()
	if err := q.Start(t.Got); err != nil {
		return err
	}
	return do(q, t)
}

// tasksTailCase is how long tasks take from their insert to the worker at a rate
// that each queue can do.
func tasksTailCase(synced bool) Case {
	return Case{Name: "durable tasks, " + durability(synced) + ", insert to worker at half of the slowest's maximum", Unit: "ms, p99", Less: true, Run: func(cfg *Config, r *Result) {
		d := newDurables(cfg, r, func(k durable.Kind) bool { return has(k, synced) })
		defer d.servers.Close()
		slowest := math.Inf(1)
		once := *cfg
		once.Rounds = 1
		calibration := &durables{&once, d.servers, d.kinds, d.rows}
		calibration.each(func(_ *Row, k durable.Kind) error {
			return d.with(k, durable.Options{Synced: synced}, func(q durable.Queue, t *measure.Tasks) error {
				if _, err := t.Rate(durable.Producers, 1, cfg.WarmUp, q.Insert); err != nil {
					return err
				}
				s, err := t.Rate(durable.Producers, 1, cfg.Round/2, q.Insert)
				slowest = min(slowest, s.Rate)
				return err
			})
		})
		d.each(func(row *Row, k durable.Kind) error {
			return d.with(k, durable.Options{Synced: synced}, func(q durable.Queue, t *measure.Tasks) error {
				if _, err := t.Paced(durable.Producers, slowest/2, cfg.WarmUp, q.Insert); err != nil {
					return err
				}
				s, err := t.Paced(durable.Producers, slowest/2, cfg.Round, q.Insert)
				if err == nil {
					row.add(float64(s.P99) / float64(time.Millisecond))
					row.samples = append(row.samples, s)
				}
				return err
			})
		})
		r.Notes = append(r.Notes, fmt.Sprintf("%.0f tasks/s, inserted by %d producers; a task's time begins when its insert was due.", slowest/2, durable.Producers))
		r.durableTargets(synced, true, 1)
		r.medianTargets(synced)
	}}
}

// medianTargets adds the targets that the medians of ours are lower.
func (r *Result) medianTargets(synced bool) {
	second := durable.Memory
	if synced {
		second = durable.Bolt
	}
	for _, pair := range [][2]string{{durable.Postgres, durable.River}, {durable.Postgres, durable.Asynq}, {second, durable.Asynq}} {
		t := Target{What: "p50, " + pair[0] + " × " + pair[1], Want: 1}
		ours, theirs := r.find(pair[0]), r.find(pair[1])
		if ours == nil || theirs == nil {
			t.Unknown = "one was not measured"
		} else {
			p50 := func(s measure.Sample) float64 { return float64(s.P50) }
			t.Got = theirs.stat(p50).Median / ours.stat(p50).Median
		}
		r.Targets = append(r.Targets, t)
	}
}
