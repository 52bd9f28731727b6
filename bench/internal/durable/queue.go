// Package durable opens the task queues that keep their tasks on disk, each with
// its server, its producers and one worker in this process.
package durable

import (
	"cmp"
	"errors"
)

// The names of the queues.
const (
	Postgres = "gozmq, PostgreSQL"
	Bolt     = "gozmq, bbolt"
	Memory   = "gozmq, memory"
	River    = "River"
	Asynq    = "asynq"
)

// Workers is how many tasks a worker runs at once.
const Workers = 256

// Producers is how many goroutines insert where many do.
const Producers = 64

// Options says what to open.
type Options struct {
	// Synced is true when an insert returns after its task is on disk.
	Synced bool
	// Waiting is how many tasks are to wait at the same time; 0: some thousand.
	Waiting int
}

// A Queue keeps tasks until they are done.
type Queue interface {
	// Insert inserts tasks, and returns when the queue has them. It may be called
	// from any goroutine.
	Insert(tasks [][]byte) error
	// Start starts the worker, which hands each task to got.
	Start(got func(task []byte) error) error
	// Stop ends the worker, and what a new process would have to start.
	Stop() error
	// Close stops the queue and removes its tasks.
	Close()
}

// A Kind is a queue that can be opened.
type Kind struct {
	Name, Note string
	// Batch is true when one call can insert several tasks.
	Batch bool
	// Synced and Unsynced say which options it has.
	Synced, Unsynced bool
	Open             func(*Servers, Options) (Queue, error)
}

// Kinds returns all queues, ours first.
func Kinds() []Kind {
	return []Kind{
		{Name: Postgres, Note: "one ventilator", Batch: true, Synced: true, Unsynced: true, Open: openPostgres},
		{Name: Bolt, Note: "one ventilator and its file", Synced: true, Open: openBolt},
		{Name: Memory, Note: "one ventilator", Unsynced: true, Open: openMemory},
		{Name: River, Note: "on the same PostgreSQL", Batch: true, Synced: true, Unsynced: true, Open: openRiver},
		{Name: Asynq, Note: "on a redis-server", Synced: true, Unsynced: true, Open: openAsynq},
	}
}

// ErrMissing says that a server is not installed on this machine.
var ErrMissing = errors.New("is not installed")

// A Servers starts servers when they are needed first. It is for one goroutine.
type Servers struct {
	dir      string
	queues   int // that have been opened
	postgres lazyPostgres
	redis    [2]lazyRedis // unsynced, synced
}

// NewServers returns a Servers that keeps its files in dir.
func NewServers(dir string) *Servers { return &Servers{dir: dir} }

// Close ends the servers.
func (s *Servers) Close() {
	s.postgres.close()
	for i := range s.redis {
		s.redis[i].close()
	}
}

// next returns a number for a new queue's tables and files.
func (s *Servers) next() int {
	s.queues++
	return s.queues
}

// waiting returns how many tasks may wait.
func (o Options) waiting() int { return cmp.Or(o.Waiting, 10_000) }
