package durable

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// riverArgs is a task of River.
type riverArgs struct {
	Body []byte `json:"body"`
}

func (riverArgs) Kind() string { return "bench" }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	got func([]byte) error
}

func (w *riverWorker) Work(_ context.Context, job *river.Job[riverArgs]) error {
	return w.got(job.Args.Body)
}

// A riverQueue has one client that inserts and, between Start and Stop, one that
// works.
type riverQueue struct {
	url, schema string
	pool        *pgxpool.Pool
	inserts     *river.Client[pgx.Tx]
	works       *river.Client[pgx.Tx] // nil: none
}

func openRiver(s *Servers, o Options) (_ Queue, err error) {
	url, err := s.PostgresURL(o.Synced)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	q := &riverQueue{url: url, schema: fmt.Sprint("river", s.next())}
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = Producers + 16 // so that no producer waits for a connection
	if q.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, err
	}
	if err := q.make(ctx); err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

// make makes the tables and the client that inserts.
func (q *riverQueue) make(ctx context.Context) error {
	if _, err := q.pool.Exec(ctx, "CREATE SCHEMA "+q.schema); err != nil {
		return err
	}
	driver := riverpgxv5.New(q.pool)
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: q.schema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	q.inserts, err = river.NewClient(driver, &river.Config{Schema: q.schema, Logger: slog.New(slog.DiscardHandler)})
	return err
}

func (q *riverQueue) Insert(tasks [][]byte) error {
	ctx := context.Background()
	if len(tasks) == 1 {
		_, err := q.inserts.Insert(ctx, riverArgs{tasks[0]}, nil)
		return err
	}
	params := make([]river.InsertManyParams, len(tasks))
	for i, task := range tasks {
		params[i] = river.InsertManyParams{Args: riverArgs{task}}
	}
	_, err := q.inserts.InsertManyFast(ctx, params)
	return err
}

func (q *riverQueue) Start(got func([]byte) error) error {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &riverWorker{got: got}); err != nil {
		return err
	}
	var err error
	q.works, err = river.NewClient(riverpgxv5.New(q.pool), &river.Config{
		Schema: q.schema, Logger: slog.New(slog.DiscardHandler), Workers: workers,
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: Workers}},
		FetchCooldown: river.FetchCooldownMin, FetchPollInterval: 100 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	return q.works.Start(context.Background())
}

func (q *riverQueue) Stop() error {
	if q.works == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	works := q.works
	q.works = nil
	return works.StopAndCancel(ctx)
}

func (q *riverQueue) Close() {
	_ = q.Stop()
	q.pool.Close()
	dropSchema(q.url, q.schema)
}
