package gozmqstoretest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// testStandby expects a second session to wait, to say so once, and to get the
// queue as soon as the first one releases it.
func testStandby(k *kit) {
	h := k.first()
	k.apply(h, &gozmqstore.Change{Put: tasks(0, 3)})
	other := k.open()
	ctx, cancel := context.WithCancel(context.Background())
	waits := 0
	if _, err := other.Acquire(ctx, func() { waits++; cancel() }); !errors.Is(err, context.Canceled) || waits != 1 {
		k.Errorf("Acquire beside an owner returned %v after %d calls of standby, want %v after 1", err, waits, context.Canceled)
	}
	standing, owned := make(chan struct{}), make(chan held)
	go func() {
		session, err := other.Acquire(context.Background(), func() { close(standing) })
		if err != nil {
			k.Errorf("Acquire: %v", err)
		}
		owned <- held{session, other}
	}()
	k.receive(standing, "the call of standby")
	k.apply(h, &gozmqstore.Change{Put: tasks(3, 4)})
	k.end(h)
	select {
	case h = <-owned:
	case <-time.After(k.queue.TakeOver):
		k.Fatal("the queue was released, and the session that waits does not get it")
	}
	k.want(h, tasks(0, 4))
	k.end(h)
}

func (k *kit) receive(c <-chan struct{}, what string) {
	k.Helper()
	select {
	case <-c:
	case <-time.After(k.queue.Patience):
		k.Fatalf("no %s after %v", what, k.queue.Patience)
	}
}

// testOneOwner has sessions compete: one owns the queue at a time, each gets it,
// and each sees what those before it have written.
func testOneOwner(k *kit) {
	const stores, turns = 4, 5
	var owners atomic.Int32
	var wg sync.WaitGroup
	for i := range stores {
		s := k.open()
		wg.Go(func() {
			defer k.close(s)
			for turn := range turns {
				ctx, cancel := context.WithTimeout(context.Background(), 4*k.queue.Patience)
				session, err := s.Acquire(ctx, func() {})
				if err != nil {
					k.Errorf("Acquire: %v", err)
					cancel()
					return
				}
				if n := owners.Add(1); n != 1 {
					k.Errorf("%d sessions own the queue", n)
				}
				err = session.Apply(ctx, &gozmqstore.Change{Put: tasks(i*turns+turn, i*turns+turn+1)})
				if err != nil {
					k.Errorf("Apply: %v", err)
				}
				owners.Add(-1)
				if err := session.Release(ctx); err != nil {
					k.Errorf("Release: %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	h := k.first()
	if got, _ := k.load(h); len(got) != stores*turns {
		k.Errorf("%d sessions have put a record each, and the queue has %d", stores*turns, len(got))
	}
	k.end(h)
}

// testStale expects that a session can write nothing once another one has owned
// the queue.
func testStale(k *kit) {
	old := k.first()
	k.apply(old, &gozmqstore.Change{Put: tasks(0, 2)})
	if err := old.Release(context.Background()); err != nil {
		k.Fatal(err)
	}
	h := k.first()
	if err := old.Apply(context.Background(), &gozmqstore.Change{Put: tasks(2, 3), Delete: ids(tasks(0, 2))}); err == nil {
		k.Error("a session that was released has written")
	}
	k.want(h, tasks(0, 2))
	k.end(h)
	k.close(old.store)
}

// testCrash expects all that Apply has returned nil for after the death of the
// owner, soon.
func testCrash(k *kit) {
	if k.queue.Crash == nil {
		k.Skip("the store cannot crash")
	}
	h := k.first()
	for n := range 5 {
		k.apply(h, &gozmqstore.Change{Put: tasks(10*n, 10*n+10)})
		waiting := k.open()
		k.queue.Crash(k, h.store)
		began := time.Now()
		h = k.acquire(waiting, k.queue.TakeOver)
		k.Logf("taken over after %v", time.Since(began))
		k.want(h, tasks(0, 10*n+10))
	}
	k.end(h)
}

// testLose expects that a session whose ownership ends learns it and writes nothing
// more, while another one goes on.
func testLose(k *kit) {
	if k.queue.Lose == nil {
		k.Skip("the store cannot lose its queue")
	}
	old := k.first()
	k.apply(old, &gozmqstore.Change{Put: tasks(0, 3)})
	k.queue.Lose(k, old.store)
	h := k.own(k.queue.TakeOver)
	k.apply(h, &gozmqstore.Change{Delete: ids(tasks(0, 1))})
	if err := old.Apply(context.Background(), &gozmqstore.Change{Put: tasks(7, 8), Delete: ids(tasks(1, 2))}); err == nil {
		k.Error("a session that has lost its queue has written")
	}
	k.receive(old.Lost(), "word that the queue is lost")
	if err := old.Release(context.Background()); err != nil {
		k.Logf("Release of what was lost: %v", err)
	}
	k.apply(h, &gozmqstore.Change{Put: tasks(3, 4)}) // the release was of another session
	k.want(h, tasks(1, 4))
	k.end(h)
	k.close(old.store)
}

// testDamage expects that a damaged record is reported once, and costs no other.
func testDamage(k *kit) {
	if k.queue.Damage == nil {
		k.Skip("records of the store cannot be damaged")
	}
	h := k.first()
	k.apply(h, &gozmqstore.Change{Put: tasks(0, 5)})
	k.end(h)
	k.queue.Damage(k, task(2).ID)
	h = k.first()
	got, damaged := k.load(h)
	if len(got) != 4 || len(damaged) != 1 {
		k.Errorf("%d records are good, and %d are damaged, want 4 and 1", len(got), len(damaged))
	}
	for _, t := range damaged {
		if t.ID != "" && t.ID != task(2).ID {
			k.Errorf("the damaged record has the id %q", t.ID)
		}
	}
	k.apply(h, &gozmqstore.Change{Put: tasks(9, 10)})
	h = k.again(h)
	got, damaged = k.load(h)
	if len(got) != 5 || len(damaged) != 0 {
		k.Errorf("then %d records are good, and %d are damaged, want 5 and 0", len(got), len(damaged))
	}
	k.end(h)
}
