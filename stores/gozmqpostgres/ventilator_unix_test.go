//go:build unix

package gozmqpostgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

type number = wrapperspb.Int64Value

// method gives a task up after three attempts.
var method = &gozmq.Method{Procedure: "test.Tasks/Run", Delivery: gozmq.DeliveryAtLeastOnce, MaxAttempts: 3}

// hopeless reports whether a task always fails.
func hopeless(n int64) bool { return n%50 == 7 }

// keeps reports whether a task is kept after it was done.
func keeps(n int64) bool { return n%10 == 1 }

// lease is that of the ventilators.
const lease = 2 * time.Second

// runVentilator is a ventilator in a process of its own: it pushes numbers, from a
// first one on, and says what happens to it and to them, a line each. It ends when
// its standard input does, after all tasks are done if it owns the queue. args are
// the database's URL, the queue's schema and name, the workers' endpoint, the first
// number and where it dies: "" or "before", "in" or "after" a change, as "in 12".
// With "before ends 12" or "after ends 12" it pushes no more after 12 changes, and
// dies at the first one that has nothing but ends of tasks.
func runVentilator(args []string) int {
	if err := ventilate(args); err != nil {
		fmt.Fprintln(os.Stderr, "ventilator:", err)
		return 1
	}
	return 0
}

func ventilate(args []string) error {
	first, err := strconv.ParseInt(args[4], 10, 64)
	if err != nil {
		return err
	}
	store, err := Open(context.Background(), args[0], Queue{Schema: args[1], Name: args[2]}, WithLease(lease))
	if err != nil {
		return err
	}
	defer store.Close()
	mortal := newMortal(store, args[5])
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(mortal), gozmq.WithTaskQueue(200, 1<<20),
		gozmq.Connect(args[3]), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond), gozmq.WithRetryBackoff(time.Millisecond, 10*time.Millisecond),
		gozmq.WithEventHandler(say), gozmq.WithDeadLetterHandler(func(_ context.Context, letter gozmq.DeadLetter) error {
			task := new(number)
			if err := letter.Unmarshal(task); err != nil {
				return err
			}
			fmt.Println("dead", task.GetValue())
			return nil
		}))
	if err != nil {
		return err
	}
	defer v.Close()
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	pushAll(ctx, v, first, mortal)
	if v.Progress().Standby {
		return nil
	}
	all, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return v.Wait(all)
}

// say says whether the ventilator owns the queue.
func say(e gozmq.Event) {
	switch e.Kind {
	case gozmq.EventOwner, gozmq.EventStandby:
		fmt.Println(e.Kind)
	case gozmq.EventStoreFailed:
		fmt.Println("failed", e.Err)
	}
}

// pushAll pushes tasks until ctx ends, several at once, so that the store commits
// them together. What a push has refused is no task that was taken.
func pushAll(ctx context.Context, v *gozmq.Ventilator, first int64, m *mortal) {
	const pushers = 8
	var next atomic.Int64
	next.Store(first - 1)
	done := make(chan struct{})
	for range pushers {
		go func() {
			for ctx.Err() == nil {
				if m.quiet.Load() {
					sleep(ctx, 10*time.Millisecond)
					continue
				}
				n := next.Add(1)
				pushing := ctx
				if keeps(n) {
					pushing = gozmq.PushOptions{Retain: time.Hour}.Context(ctx)
				}
				if err := gozmqimpl.Push(pushing, v, method, wrapperspb.Int64(n)); err == nil {
					fmt.Println("pushed", n)
				} else if ctx.Err() == nil {
					sleep(ctx, 10*time.Millisecond)
				}
			}
			done <- struct{}{}
		}()
	}
	for range pushers {
		<-done
	}
}

// A mortal is a Store that kills its process at a change.
type mortal struct {
	gozmqstore.Store
	point   string
	changes atomic.Int64 // until then
	quiet   atomic.Bool  // nothing is pushed any more
}

// newMortal returns a store that kills its process at a point, if there is one.
func newMortal(s *Store, point string) *mortal {
	m := &mortal{Store: s}
	if i := strings.LastIndexByte(point, ' '); i > 0 {
		m.point = point[:i]
		n, _ := strconv.ParseInt(point[i+1:], 10, 64)
		m.changes.Store(n)
	}
	return m
}

func (m *mortal) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	o, err := m.Store.Acquire(ctx, standby)
	if err != nil {
		return nil, err
	}
	return &mortalSession{o.(*session), m}, nil
}

type mortalSession struct {
	*session
	mortal *mortal
}

func (o *mortalSession) Apply(ctx context.Context, c *gozmqstore.Change) error {
	left := o.mortal.changes.Add(-1)
	if ends := strings.HasSuffix(o.mortal.point, " ends"); ends && left <= 0 {
		o.mortal.quiet.Store(true)
		if len(c.Put) > 0 || !onlyEnds(c) {
			return o.session.Apply(ctx, c)
		}
		fmt.Println("ends", len(c.Delete)+len(c.Update))
	} else if ends || left != 0 {
		return o.session.Apply(ctx, c)
	}
	die := func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	switch o.mortal.point {
	case "before", "before ends":
		return die()
	case "in":
		time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, func() { _ = die() })
		return o.session.Apply(ctx, c)
	default:
		return errors.Join(o.session.Apply(ctx, c), die())
	}
}

// onlyEnds reports whether a change has ends of tasks that were done, and no other
// statuses.
func onlyEnds(c *gozmqstore.Change) bool {
	for _, s := range c.Update {
		if s.State != gozmqstore.StateDone {
			return false
		}
	}
	return len(c.Delete)+len(c.Update) > 0
}
