package gozmqstoretest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// testFields puts, updates and deletes records with every field, and with none.
func testFields(k *kit) {
	h := k.first()
	k.want(h, nil)
	bare := gozmqstore.Task{ID: "bare", Procedure: "p", Enqueued: base}
	state := gozmqstore.Task{ID: "state", Header: []byte("h"), Enqueued: base, Status: gozmqstore.Status{State: gozmqstore.StateBatch}}
	pause := gozmqstore.Task{ID: "pause", Procedure: "p", Enqueued: base, Status: gozmqstore.Status{State: gozmqstore.StatePause}}
	pauseAll := pause
	pauseAll.ID, pauseAll.Procedure = "pause all", ""
	list := []gozmqstore.Task{full(1), bare, state, full(2), task(3), pause, pauseAll}
	k.apply(h, &gozmqstore.Change{Put: list})
	k.want(h, list)
	h = k.again(h)
	k.want(h, list)
	list[1].Status, list[3].Status = fullStatus(gozmqstore.StateDone), gozmqstore.Status{}
	k.apply(h, &gozmqstore.Change{Update: map[string]gozmqstore.Status{list[1].ID: list[1].Status, list[3].ID: {}}, Delete: []string{list[0].ID}})
	k.want(h, list[1:])
	h = k.again(h)
	k.want(h, list[1:])
	k.end(h)
}

// testOrder expects the order of Put, in one change and over many.
func testOrder(k *kit) {
	h := k.first()
	random := k.random()
	var list []gozmqstore.Task
	numbers := random.Perm(200) // ids are in another order
	for len(numbers) > 0 {
		var c gozmqstore.Change
		for range min(len(numbers), 1+random.IntN(20)) {
			c.Put = append(c.Put, task(numbers[0]))
			numbers = numbers[1:]
		}
		list = append(list, c.Put...)
		k.apply(h, &c)
		i := random.IntN(len(list))
		list[i].Attempts++
		k.apply(h, &gozmqstore.Change{Update: map[string]gozmqstore.Status{list[i].ID: list[i].Status}})
	}
	k.want(h, list)
	list = slices.Delete(list, 50, 100)
	k.apply(h, &gozmqstore.Change{Delete: ids(k.missing(h, list))})
	h = k.again(h)
	k.apply(h, &gozmqstore.Change{Put: []gozmqstore.Task{task(1000)}})
	k.want(h, append(list, task(1000)))
	k.end(h)
}

// missing returns the records of a queue that are not in a list.
func (k *kit) missing(h held, list []gozmqstore.Task) []gozmqstore.Task {
	k.Helper()
	all, _ := k.load(h)
	return slices.DeleteFunc(all, func(t gozmqstore.Task) bool {
		return slices.ContainsFunc(list, func(u gozmqstore.Task) bool { return u.ID == t.ID })
	})
}

func ids(list []gozmqstore.Task) (out []string) {
	for _, t := range list {
		out = append(out, t.ID)
	}
	return out
}

// random returns a source whose seed is logged.
func (k *kit) random() *rand.Rand {
	seed := rand.Uint64()
	k.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// testAgain makes changes twice, as after an Apply that has failed and made its
// change.
func testAgain(k *kit) {
	h := k.first()
	list := tasks(0, 3)
	put := &gozmqstore.Change{Put: list}
	k.apply(h, put)
	k.apply(h, put)
	k.want(h, list)
	updated := list[0]
	updated.Attempts = 2
	update := &gozmqstore.Change{Update: map[string]gozmqstore.Status{updated.ID: updated.Status}, Delete: []string{list[1].ID, list[1].ID}}
	k.apply(h, update)
	k.apply(h, update)
	k.apply(h, &gozmqstore.Change{Put: []gozmqstore.Task{list[0], task(7)}}) // the first one stays as it is
	k.want(h, []gozmqstore.Task{updated, list[2], task(7)})
	k.end(h)
}

// testUnknown names ids that are not there, and one id in all parts of a change.
func testUnknown(k *kit) {
	h := k.first()
	k.apply(h, &gozmqstore.Change{})
	k.apply(h, &gozmqstore.Change{Update: map[string]gozmqstore.Status{"unknown": {Attempts: 1}}, Delete: []string{"unknown"}})
	k.want(h, nil)
	both, stays := task(1), task(2)
	stays.Status = fullStatus(gozmqstore.StateDead)
	k.apply(h, &gozmqstore.Change{
		Put:    []gozmqstore.Task{both, task(2)},
		Update: map[string]gozmqstore.Status{both.ID: {Attempts: 1}, stays.ID: stays.Status},
		Delete: []string{both.ID},
	})
	k.want(h, []gozmqstore.Task{stays})
	k.end(h)
}

// testVisitError expects the first error of visit.
func testVisitError(k *kit) {
	h := k.first()
	k.apply(h, &gozmqstore.Change{Put: tasks(0, 5)})
	stop, visits := errors.New("stop"), 0
	err := h.Load(context.Background(), func(gozmqstore.Task) error {
		visits++
		if visits == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || visits != 2 {
		k.Errorf("Load returned %v after %d visits, want the second visit's error", err, visits)
	}
	k.want(h, tasks(0, 5))
	k.end(h)
}

// testBig puts records of several megabytes, and one of the longest id.
func testBig(k *kit) {
	h := k.first()
	big := full(1)
	big.Body, big.Header, big.Result = pattern(4<<20), pattern(64<<10), pattern(1<<20)
	big.Reason = strings.Repeat("why ", 20_000)
	long := task(2)
	long.ID = strings.Repeat("\xff", 255)
	list := []gozmqstore.Task{big, task(3), long}
	k.apply(h, &gozmqstore.Change{Put: list})
	h = k.again(h)
	k.want(h, list)
	k.apply(h, &gozmqstore.Change{Delete: []string{big.ID}})
	k.want(h, list[1:])
	k.end(h)
}

func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * i >> 8)
	}
	return b
}

// many is how many records testMany puts.
const many = 20_000

// testMany puts, updates and deletes many records, in few changes.
func testMany(k *kit) {
	h := k.first()
	list := tasks(0, many)
	for chunk := range slices.Chunk(list, many/4) {
		k.apply(h, &gozmqstore.Change{Put: chunk})
	}
	change := &gozmqstore.Change{Update: make(map[string]gozmqstore.Status)}
	var want []gozmqstore.Task
	for i, t := range list {
		switch i % 4 {
		case 0:
			t.Attempts = i
			change.Update[t.ID] = t.Status
		case 1:
			change.Delete = append(change.Delete, t.ID)
			continue
		}
		want = append(want, t)
	}
	k.apply(h, change)
	h = k.again(h)
	k.want(h, want)
	k.apply(h, &gozmqstore.Change{Delete: ids(want)})
	k.want(h, nil)
	k.end(h)
}

// testRandom makes random changes, with the queue opened again between, and
// compares it with a list.
func testRandom(k *kit) {
	random := k.random()
	h := k.first()
	var want []gozmqstore.Task
	next := 0
	for range 80 {
		c := gozmqstore.Change{Update: make(map[string]gozmqstore.Status)}
		for range random.IntN(6) {
			next++
			c.Put = append(c.Put, task(next))
		}
		want = append(want, c.Put...)
		for range min(len(want), random.IntN(5)) {
			w := &want[random.IntN(len(want))]
			w.Status = gozmqstore.Status{State: gozmqstore.State(random.IntN(3)), Attempts: random.IntN(100), NotBefore: base}
			c.Update[w.ID] = w.Status
		}
		for range min(len(want), random.IntN(5)) {
			i := random.IntN(len(want))
			c.Delete = append(c.Delete, want[i].ID)
			want = slices.Delete(want, i, i+1)
		}
		k.apply(h, &c)
		switch n := random.IntN(10); {
		case n == 0:
			h = k.again(h)
		case n == 1 && k.queue.Crash != nil:
			k.queue.Crash(k, h.store)
			h = k.own(k.queue.TakeOver)
		}
	}
	k.want(h, want)
	k.end(h)
}

// testDeadlines makes changes whose contexts end: each is made as a whole or not
// at all, and made if Apply returned nil.
func testDeadlines(k *kit) {
	random := k.random()
	h := k.first()
	const changes, size = 40, 10
	var made [changes]bool
	for n := range changes {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(3000))*time.Microsecond)
		made[n] = h.Apply(ctx, &gozmqstore.Change{Put: tasks(n*size, (n+1)*size)}) == nil
		cancel()
	}
	got, _ := k.load(k.keep(&h))
	at := 0
	for n := range changes {
		whole := at+size <= len(got) && slices.Equal(ids(got[at:at+size]), ids(tasks(n*size, (n+1)*size)))
		switch {
		case whole:
			at += size
		case made[n]:
			k.Errorf("change %d is not there, although Apply returned nil", n)
		}
	}
	if at != len(got) {
		k.Errorf("%d records are parts of changes", len(got)-at)
	}
	k.end(h)
}

// keep owns the queue again if a call whose context ended has cost the ownership.
func (k *kit) keep(h *held) held {
	k.Helper()
	select {
	case <-h.Lost():
		_ = h.Release(context.Background())
		k.close(h.store)
		*h = k.own(k.queue.TakeOver)
	default:
	}
	return *h
}
