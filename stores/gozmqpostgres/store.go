// Package gozmqpostgres keeps the tasks of ventilators in a PostgreSQL database: a
// gozmqstore.Store for pipelines with DeliveryAtLeastOnce. Several ventilators may
// have the same queue: one of them owns it, and the others stand by. Tasks can be
// inserted in a transaction of the user (Queue.EnqueueTx).
//
//	store, err := gozmqpostgres.Open(ctx, "postgres://…", gozmqpostgres.Queue{Name: "thumbnails"})
//	defer store.Close()
//	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), ...)
//	defer vent.Close() // before the store
package gozmqpostgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Store is a queue of a database. Its methods may be called from any goroutine.
type Store struct {
	queue  Queue
	config config
	pool   *pgxpool.Pool
	sql    statements

	arrived, freed broadcast
	stop           context.CancelFunc
	listener       sync.WaitGroup
}

type config struct {
	lease, poll time.Duration
	pool        []func(*pgxpool.Config)
}

// An Option is an option of Open.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// WithLease sets for how long a ventilator owns the queue without a sign of life:
// when its process dies, or it cannot reach the database, another one takes over
// after that time. The owner renews its lease three times as often. Default: 3 s;
// at least 100 ms.
func WithLease(d time.Duration) Option { return option(func(c *config) { c.lease = d }) }

// WithPoll sets how often the store looks for tasks of Queue.EnqueueTx, and for a
// queue without an owner, when the database does not notify it. Default: 1 s; at
// least 1 ms.
func WithPoll(d time.Duration) Option { return option(func(c *config) { c.poll = d }) }

// WithPoolConfig changes the configuration of the store's connections, which Open
// has made from its URL: TLS, passwords that change, and so on. The store has up to
// four connections. They must be sessions of the server: a proxy such as PgBouncer
// must not pool transactions.
func WithPoolConfig(change func(*pgxpool.Config)) Option {
	return option(func(c *config) { c.pool = append(c.pool, change) })
}

// maxConns has one connection that listens, one for Apply, one for the lease and
// one for tasks that arrive.
const maxConns = 4

// connectTimeout is how long a connection may take to be made, unless the URL says
// otherwise.
const connectTimeout = 5 * time.Second

// Open connects to a database, as url says ("postgres://user:secret@host/database",
// or "host=… user=…"; see pgx.ParseConfig), and makes or updates the tables in the
// schema of q, for which the user needs the right to create these. It fails if a
// newer version of this package has updated them. Close must be called, after the
// ventilator's.
func Open(ctx context.Context, url string, q Queue, opts ...Option) (*Store, error) {
	s := &Store{queue: q, config: config{lease: 3 * time.Second, poll: time.Second}}
	for _, o := range opts {
		o.apply(&s.config)
	}
	if err := s.open(ctx, url); err != nil {
		return nil, fmt.Errorf("open task queue %q: %w", q.Name, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, url string) error {
	if err := errors.Join(s.queue.check(), s.config.check()); err != nil {
		return err
	}
	pc, err := s.config.poolConfig(url)
	if err != nil {
		return err
	}
	s.sql = newStatements(s.queue)
	if s.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return err
	}
	err = s.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return migrate(ctx, c.Conn(), s.queue.schema()) })
	if err != nil {
		s.pool.Close()
		return err
	}
	listening, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.listener.Go(func() { s.listen(listening) })
	return nil
}

// Migrate makes or updates the tables in the schema of q, as Open does, for
// programs that must not have the right to do so themselves.
func Migrate(ctx context.Context, c *pgx.Conn, q Queue) error {
	err := q.check()
	if err == nil {
		err = migrate(ctx, c, q.schema())
	}
	if err != nil {
		return fmt.Errorf("migrate task queue %q: %w", q.Name, err)
	}
	return nil
}

func (c *config) check() error {
	var errs []error
	if c.lease < 100*time.Millisecond {
		errs = append(errs, fmt.Errorf("WithLease: %v, want at least 100 ms", c.lease))
	}
	if c.poll < time.Millisecond {
		errs = append(errs, fmt.Errorf("WithPoll: %v, want at least 1 ms", c.poll))
	}
	return errors.Join(errs...)
}

func (c *config) poolConfig(url string) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // which shows no password
	}
	pc.MaxConns, pc.MinConns = maxConns, 0
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = connectTimeout
	}
	params := pc.ConnConfig.RuntimeParams
	if params["application_name"] == "" {
		params["application_name"] = "gozmqpostgres"
	}
	for _, name := range planning {
		params[name] = "off"
	}
	params["plan_cache_mode"] = "force_generic_plan" // so that no change is planned again
	for _, change := range c.pool {
		change(pc)
	}
	if pc.MaxConns < maxConns {
		return nil, fmt.Errorf("WithPoolConfig: MaxConns is %d, want at least %d", pc.MaxConns, maxConns)
	}
	return pc, nil
}

// planning are settings of the server that are turned off. Statements are planned
// while tables are small, and with guesses as long as autovacuum has seen nothing:
// none may come to read a whole table or queue.
var planning = []string{"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit"}

// Close closes the connections. All sessions must have been released.
func (s *Store) Close() error {
	s.stop()
	s.listener.Wait()
	s.pool.Close()
	return nil
}
