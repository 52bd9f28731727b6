package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/stores/gozmqbolt"
	"github.com/gozmq/gozmq/stores/gozmqpostgres"
)

// A gozmqQueue has a ventilator that keeps its tasks in a store and, between
// Start and Stop, a worker at the other end of a tcp connection.
type gozmqQueue struct {
	options Options
	open    func() (gozmqstore.Store, func() error, error)
	remove  func()
	pool    *pgxpool.Pool // for batches; nil: there are none
	queue   gozmqpostgres.Queue

	vent   *gozmq.Ventilator // nil: stopped
	tasks  benchv1gozmq.SureVentilator
	closed func() error // the store's
	worker context.CancelFunc
	done   chan error
}

func openPostgres(s *Servers, o Options) (Queue, error) {
	url, err := s.PostgresURL(o.Synced)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	queue := gozmqpostgres.Queue{Name: "bench", Schema: fmt.Sprint("gozmq", s.next())}
	q := &gozmqQueue{options: o, queue: queue}
	q.open = func() (gozmqstore.Store, func() error, error) {
		store, err := gozmqpostgres.Open(ctx, url, queue)
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	if q.pool, err = pgxpool.New(ctx, url); err != nil {
		return nil, err
	}
	q.remove = func() {
		q.pool.Close()
		dropSchema(url, queue.Schema)
	}
	return q.opened()
}

func openBolt(s *Servers, o Options) (Queue, error) {
	path := filepath.Join(s.dir, fmt.Sprintf("tasks%d.db", s.next()))
	q := &gozmqQueue{options: o, remove: func() { os.Remove(path) }}
	q.open = func() (gozmqstore.Store, func() error, error) {
		store, err := gozmqbolt.Open(path)
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	return q.opened()
}

func openMemory(_ *Servers, o Options) (Queue, error) {
	store := new(gozmqstore.Memory)
	q := &gozmqQueue{options: o, remove: func() {}}
	q.open = func() (gozmqstore.Store, func() error, error) {
		return store, func() error { return nil }, nil
	}
	return q.opened()
}

func (q *gozmqQueue) opened() (Queue, error) {
	if err := q.start(); err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

// start opens the store and its ventilator, unless they are open.
func (q *gozmqQueue) start() error {
	if q.vent != nil {
		return nil
	}
	store, closed, err := q.open()
	if err != nil {
		return err
	}
	q.vent, err = gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store),
		gozmq.WithTaskQueue(q.options.waiting(), 4<<30), gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		return errors.Join(err, closed())
	}
	q.closed = closed
	q.tasks, err = benchv1gozmq.NewSureVentilator(q.vent)
	return err
}

func (q *gozmqQueue) Insert(tasks [][]byte) error {
	ctx := context.Background()
	if len(tasks) == 1 {
		return q.tasks.Work(ctx, &benchv1.Blob{Payload: tasks[0]})
	}
	list := make([]gozmqstore.Task, len(tasks))
	for i, task := range tasks {
		var err error
		if list[i], err = benchv1gozmq.NewSureWorkTask(ctx, &benchv1.Blob{Payload: task}); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error { return q.queue.EnqueueTx(ctx, tx, list...) })
}

type gozmqHandler struct {
	benchv1gozmq.UnimplementedSureWorker
	got func([]byte) error
}

func (h gozmqHandler) Work(_ context.Context, task *benchv1.Blob) error {
	return h.got(task.GetPayload())
}

func (q *gozmqQueue) Start(got func([]byte) error) error {
	if err := q.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	q.worker, q.done = cancel, make(chan error, 1)
	go func() {
		q.done <- benchv1gozmq.RunSureWorker(ctx, gozmqHandler{got: got},
			gozmq.From(gozmq.Connect(q.vent.Addrs()...)), gozmq.WithConcurrency(Workers))
	}()
	return nil
}

func (q *gozmqQueue) Stop() error {
	var errs []error
	if q.worker != nil {
		q.worker()
		if err := <-q.done; !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
		q.worker = nil
	}
	if q.vent != nil {
		errs = append(errs, q.vent.Close(), q.closed())
		q.vent = nil
	}
	return errors.Join(errs...)
}

func (q *gozmqQueue) Close() {
	_ = q.Stop()
	q.remove()
}
