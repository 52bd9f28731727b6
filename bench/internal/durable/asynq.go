package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// An asynqQueue has one client and, between Start and Stop, one server, which is
// asynq's word for a worker.
type asynqQueue struct {
	redis  asynq.RedisClientOpt
	client *asynq.Client
	server *asynq.Server // nil: none
}

func openAsynq(s *Servers, o Options) (Queue, error) {
	at := 0
	if o.Synced {
		at = 1
	}
	server, err := s.redis[at].get(s.dir, o.Synced)
	if err != nil {
		return nil, err
	}
	q := &asynqQueue{redis: asynq.RedisClientOpt{Addr: server.addr, PoolSize: Producers + 16}}
	if err := q.clear(); err != nil {
		return nil, err
	}
	q.client = asynq.NewClient(q.redis)
	return q, nil
}

// clear removes all tasks.
func (q *asynqQueue) clear() error {
	c := redis.NewClient(&redis.Options{Addr: q.redis.Addr})
	defer c.Close()
	return c.FlushAll(context.Background()).Err()
}

func (q *asynqQueue) Insert(tasks [][]byte) error {
	if len(tasks) != 1 {
		return errors.New("asynq inserts one task at a time")
	}
	_, err := q.client.Enqueue(asynq.NewTask("bench", tasks[0]))
	return err
}

func (q *asynqQueue) Start(got func([]byte) error) error {
	q.server = asynq.NewServer(q.redis, asynq.Config{
		Concurrency: Workers, TaskCheckInterval: time.Millisecond, LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second,
	})
	err := q.server.Start(asynq.HandlerFunc(func(_ context.Context, t *asynq.Task) error { return got(t.Payload()) }))
	if err != nil {
		return fmt.Errorf("asynq: %w", err)
	}
	return nil
}

func (q *asynqQueue) Stop() error {
	if q.server != nil {
		q.server.Shutdown()
		q.server = nil
	}
	return nil
}

func (q *asynqQueue) Close() {
	_ = q.Stop()
	_ = q.client.Close()
	_ = q.clear()
}
