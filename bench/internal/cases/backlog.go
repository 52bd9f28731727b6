package cases

import (
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/bench/internal/durable"
	"github.com/gozmq/gozmq/bench/internal/measure"
)

// A backlog is what a queue does while many tasks wait. It is measured once, and
// gives one figure to each of several cases.
type backlog struct {
	measured bool
	tasks    int
	queues   []*backlogQueue
}

type backlogQueue struct {
	kind                       durable.Kind
	insert, fetch, start, heap float64
	missing, err               string
}

// backlogCases are the cost of tasks that wait.
func backlogCases() []Case {
	b := new(backlog)
	one := func(what, unit string, less bool, figure func(*backlogQueue) float64) Case {
		return Case{Name: "durable tasks, 1,000,000 waiting, " + what, Unit: unit, Less: less, Run: func(cfg *Config, r *Result) {
			b.measure(cfg)
			for _, q := range b.queues {
				row := r.row(q.kind.Name, q.kind.Note)
				row.against, row.Missing, row.Err = durable.Postgres, q.missing, q.err
				if q.missing == "" && q.err == "" {
					row.add(figure(q))
				}
			}
			r.Notes = append(r.Notes, fmt.Sprintf("One round, with %d tasks of %d bytes; no commit is synced but bbolt's.", b.tasks, measure.TaskSize))
		}}
	}
	return []Case{
		one("heap", "MiB", true, func(q *backlogQueue) float64 { return q.heap }),
		one("start until the first task is done", "s", true, func(q *backlogQueue) float64 { return q.start }),
		one("insert", "tasks/s", false, func(q *backlogQueue) float64 { return q.insert }),
		one("fetch", "tasks/s", false, func(q *backlogQueue) float64 { return q.fetch }),
	}
}

// measure measures all queues, the first time.
func (b *backlog) measure(cfg *Config) {
	if b.measured {
		return
	}
	b.measured, b.tasks = true, 1_000_000
	if cfg.Quick {
		b.tasks = 2000
	}
	servers := durable.NewServers(cfg.Dir)
	defer servers.Close()
	for _, k := range durable.Kinds() {
		if k.Name != durable.River && k.Name != durable.Postgres && k.Name != durable.Bolt || !cfg.wants(k) {
			continue
		}
		q := &backlogQueue{kind: k}
		b.queues = append(b.queues, q)
		err := within(10*time.Minute, func() error { return q.measure(cfg, servers, b.tasks) })
		switch {
		case excused(err):
			q.missing = err.Error()
		case err != nil:
			q.err = err.Error()
		default:
			cfg.Log("  %s: heap %.1f MiB, start %.2f s, insert %.0f/s, fetch %.0f/s", k.Name, q.heap, q.start, q.insert, q.fetch)
		}
	}
}

func (q *backlogQueue) measure(cfg *Config, servers *durable.Servers, tasks int) error {
	before := measure.Heap()
	queue, err := q.kind.Open(servers, durable.Options{Synced: q.kind.Synced && !q.kind.Unsynced, Waiting: 3 * tasks})
	if err != nil {
		return err
	}
	defer queue.Close()
	t := measure.NewTasks()
	if err := fill(queue, t, tasks, q.kind.Name == durable.River); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	q.heap = max(float64(measure.Heap())-float64(before), 1) / (1 << 20)
	if q.insert, err = t.Insert(durable.Producers, 1, cfg.Round, queue.Insert); err != nil {
		return err
	}
	if err := queue.Stop(); err != nil {
		return err
	}
	began := time.Now()
	first := make(chan time.Duration, 1)
	got := func(task []byte) error {
		select {
		case first <- time.Since(began):
		default:
		}
		return t.Got(task)
	}
	if err := queue.Start(got); err != nil {
		return err
	}
	for len(first) == 0 {
		time.Sleep(time.Millisecond)
	}
	q.start = (<-first).Seconds()
	done, began2 := t.Done(), time.Now()
	time.Sleep(cfg.Round)
	q.fetch = float64(t.Done()-done) / time.Since(began2).Seconds()
	if cfg.Quick { // few tasks may all be done by then
		q.fetch = max(q.fetch, 1)
	}
	return nil
}

// fill inserts tasks that wait: in batches, or by as many goroutines as a store's
// group commit is good for.
func fill(q durable.Queue, t *measure.Tasks, tasks int, batches bool) error {
	producers, batch := 1024, 1
	if batches {
		producers, batch = 2, manyTasks
	}
	each := (tasks + producers*batch - 1) / (producers * batch)
	failed := make(chan error, producers)
	for range producers {
		go func() {
			for range each {
				list := make([][]byte, batch)
				for i := range list {
					list[i] = t.Make(time.Now())
				}
				if err := q.Insert(list); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	var errs []error
	for range producers {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}
