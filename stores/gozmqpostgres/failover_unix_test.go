//go:build unix

package gozmqpostgres

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/postgrestest"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// takeover is how long it may take after the death of an owner.
var takeover = testkit.Stretch(5 * time.Second)

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Owners that are killed before, in and after changes lose no task, and the
// ventilator that stands by takes over in time; at once when the owner stops in
// order.
func TestKilledOwner(t *testing.T) {
	random := seeded(t)
	url := server(t).URL(server(t).Addr())
	p := newPipeline(t)
	points := []string{"before", "in", "after"}
	point := func(i int) string { return fmt.Sprintf("%s %d", points[i%len(points)], 20+random.IntN(200)) }
	owner := p.start(url, point(0))
	owner.waitOwner()
	var slowest time.Duration
	for i := range 9 {
		next := p.start(url, point(i+1))
		if i == 8 {
			next.kill()
			next = p.start(url, "")
		}
		p.wait("the owner's death", func() bool {
			select {
			case <-owner.exited:
				return true
			default:
				return false
			}
		})
		died := time.Now()
		next.waitOwner()
		p.mu.Lock()
		took := next.took.Sub(died)
		p.mu.Unlock()
		slowest = max(slowest, took)
		owner = next
	}
	t.Logf("the slowest takeover after a death took %v, with a lease of %v", slowest, lease)
	if slowest > takeover {
		t.Errorf("a takeover took %v", slowest)
	}
	p.waitPushed(200)
	next := p.start(url, "")
	next.waitStandby()
	owner.end()
	ended := time.Now()
	next.waitOwner()
	p.mu.Lock()
	t.Logf("a takeover after an orderly end took %v", next.took.Sub(ended))
	p.mu.Unlock()
	p.waitPushed(100)
	next.end()
	p.finish()
}

// Owners are killed before and after the late change that has nothing but the ends
// of tasks that were done: those whose end was not stored are delivered again, and
// counted, and none is lost. A task that is kept after it was done has its result,
// whichever owner has stored its end.
func TestKilledOwnerWithLateEnds(t *testing.T) {
	random := seeded(t)
	url := server(t).URL(server(t).Addr())
	p := newPipeline(t)
	notStored := 0
	for i := range 6 {
		point := []string{"before", "after"}[i%2]
		owner := p.start(url, fmt.Sprintf("%s ends %d", point, 20+random.IntN(50)))
		owner.waitOwner()
		p.mu.Lock()
		before := p.ends
		p.mu.Unlock()
		<-owner.exited
		p.mu.Lock()
		if point == "before" {
			notStored += p.ends - before
		}
		p.mu.Unlock()
	}
	last := p.start(url, "")
	last.waitOwner()
	p.waitPushed(100)
	last.end()
	p.finish()
	redelivered := p.worker.Progress().Redelivered
	t.Logf("%d ends were stored late, %d of them not; %d tasks were delivered again to the worker", p.ends, notStored, redelivered)
	if notStored == 0 || redelivered < uint64(notStored) {
		t.Errorf("%d tasks were delivered again, %d ends were not stored", redelivered, notStored)
	}
	p.wantKept(url)
}

// wantKept expects that every task that is kept after it was done is in the store,
// with its result.
func (p *pipeline) wantKept(url string) {
	p.t.Helper()
	store, err := Open(p.ctx, url, p.queue)
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	session, err := store.Acquire(p.ctx, func() {})
	if err != nil {
		p.t.Fatal(err)
	}
	kept := make(map[int64]bool)
	err = session.Load(p.ctx, func(r gozmqstore.Task) error {
		task := new(number)
		if err := proto.Unmarshal(r.Body, task); err != nil || r.State != gozmqstore.StateDone || !strings.Contains(string(r.Result), `"result":`) {
			p.t.Errorf("the store has %+v, %v", r, err)
		}
		kept[task.GetValue()] = true
		return nil
	})
	if err = errors.Join(err, session.Release(p.ctx)); err != nil {
		p.t.Fatal(err)
	}
	for n := range p.pushed {
		if keeps(n) && !kept[n] {
			p.t.Errorf("task %d was kept, and is gone", n)
		}
	}
	p.t.Logf("%d tasks are kept with their results", len(kept))
}

// An owner whose process is stopped for longer than its lease, and then goes on,
// can write nothing: it stands by.
func TestStoppedOwner(t *testing.T) {
	random := seeded(t)
	url := server(t).URL(server(t).Addr())
	p := newPipeline(t)
	owner := p.start(url, "")
	owner.waitOwner()
	other := p.start(url, "")
	other.waitStandby()
	for range 4 {
		p.waitPushed(1 + random.IntN(300))
		owner.signal(syscall.SIGSTOP)
		stopped := time.Now()
		other.waitOwner()
		t.Logf("taken over %v after the owner stopped", time.Since(stopped))
		p.waitPushed(1 + random.IntN(100))
		owner.signal(syscall.SIGCONT)
		owner.waitStandby()
		owner, other = other, owner
	}
	other.end()
	p.waitPushed(100)
	owner.end()
	p.finish()
}

// Connections to the database that are cut anywhere, stall or go silent lose no
// task.
func TestDatabaseConnection(t *testing.T) {
	random := seeded(t)
	srv := server(t)
	p := newPipeline(t)
	var proxies [2]*gozmqtest.Proxy
	var children [2]*child
	for i := range proxies {
		proxies[i] = gozmqtest.NewProxy(t, "tcp://"+srv.Addr())
		children[i] = p.start(srv.URL(proxies[i].Endpoint()[len("tcp://"):]), "")
	}
	p.wait("an owner", func() bool { return children[0].owner || children[1].owner })
	owner := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		if children[0].owner {
			return 0
		}
		return 1
	}
	for i := range 12 {
		p.waitPushed(1 + random.IntN(200))
		at := owner()
		proxy := proxies[at]
		switch i % 4 {
		case 0:
			proxy.Reset()
		case 1: // in the middle of a change, or of its answer
			<-proxy.Cut(gozmqtest.Direction(random.IntN(2)), random.IntN(4000))
		case 2:
			proxy.Stall()
			children[1-at].waitOwner()
			proxy.Heal()
			proxy.Reset()
			children[at].waitStandby()
		case 3:
			proxy.Drop(true)
			children[1-at].waitOwner()
			proxy.Heal()
			proxy.Reset()
			children[at].waitStandby()
		}
	}
	p.waitPushed(100)
	at := owner()
	children[1-at].end()
	children[at].end()
	p.finish()
}

// A database that crashes and recovers, or restarts, loses no task.
func TestDatabaseRestart(t *testing.T) {
	srv := postgrestest.Start(t)
	url := srv.URL(srv.Addr())
	p := newPipeline(t)
	children := []*child{p.start(url, ""), p.start(url, "")}
	for i := range 4 {
		p.waitPushed(100)
		down := time.Now()
		if i%2 == 0 {
			srv.Crash()
		} else {
			srv.Stop()
		}
		if i > 1 {
			time.Sleep(lease + lease/2) // so that there is no owner any more
		}
		if err := srv.Restart(); err != nil {
			t.Fatal(err)
		}
		p.waitPushed(1)
		t.Logf("pushed again %v after the database ended", time.Since(down))
	}
	p.waitPushed(100)
	p.mu.Lock()
	if children[1].owner {
		children[0], children[1] = children[1], children[0]
	}
	p.mu.Unlock()
	children[1].end()
	children[0].end()
	p.finish()
}

// A session of the server that keeps the queue's row although the lease has ended,
// as when the end of a change never came, does not keep the queue.
func TestHungChange(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	s := open(t, url, q, WithLease(200*time.Millisecond))
	o := acquire(t, s)
	c := connect(t, url+"&application_name=gozmqpostgres")
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), newStatements(q).fenced, q.Name, o.currentFence()); err != nil {
		t.Fatal(err)
	}
	o.lose(gozmqstore.ErrLost)
	o.renew.Wait()
	release(t, acquire(t, open(t, url, q)))
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("the session that hung still has its transaction")
	}
}

// Records that the server cannot read are set aside, and keep no other one.
func TestCorruptRecord(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	s := open(t, url, q)
	o := acquire(t, s)
	defer func() { release(t, o) }()
	mustApply(t, o, gozmqstore.Change{Put: []gozmqstore.Task{{ID: "a", Procedure: "p"}, {ID: "b", Procedure: "p"}, {ID: "c", Procedure: "p"}}})
	// A view in place of the table fails as a page with a wrong checksum does.
	schema := pgx.Identifier{q.schema()}.Sanitize()
	_, err := connect(t, url).Exec(t.Context(), strings.ReplaceAll(`
		CREATE FUNCTION s!.readable(id bytea, body bytea) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
			BEGIN IF id = 'b' THEN RAISE 'missing chunk' USING ERRCODE = 'XX001'; END IF; RETURN body; END $$;
		ALTER TABLE s!.tasks RENAME TO real_tasks;
		CREATE VIEW s!.tasks AS SELECT queue, id, seq, state, procedure, attempts, max_attempts, priority, batch, key, unique_key, unique_until,
			lease, retain, enqueued, not_before, expires, ended, code, reason, header, s!.readable(id, body) AS body, result FROM s!.real_tasks`, "s!", schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"acb", "ac"} {
		ids := ""
		for _, task := range load(t, o) {
			ids += task.ID
			if (task.Err != nil) != (task.ID == "b") {
				t.Errorf("%+v", task)
			}
		}
		if ids != want {
			t.Errorf("got %s, want %s", ids, want)
		}
	}
}

// A disk that is full makes errors. Each task that was taken is there; when there
// is room again, the store goes on.
func TestFullDisk(t *testing.T) {
	srv := postgrestest.Start(t, "fsync=off")
	disk := smallDisk(t, srv, 8<<20)
	c := connect(t, srv.URL(srv.Addr()))
	if _, err := c.Exec(t.Context(), `CREATE TABLESPACE small LOCATION '`+disk.folder+`'`); err != nil {
		t.Fatal(err)
	}
	url := srv.URL(srv.Addr()) + "&default_tablespace=small"
	q := newQueue(t)
	s := open(t, url, q)
	o := acquire(t, s)
	random := seeded(t)
	var want []gozmqstore.Task
	add := func(n int) error {
		change := gozmqstore.Change{}
		for range 1 + random.IntN(20) {
			body := make([]byte, random.IntN(10_000))
			for i := range body {
				body[i] = byte(random.Uint32())
			}
			change.Put = append(change.Put, gozmqstore.Task{ID: fmt.Sprint(n, " ", len(change.Put)), Procedure: "p", Body: body})
		}
		err := o.Apply(t.Context(), &change)
		if err == nil {
			want = append(want, change.Put...)
		}
		return err
	}
	failed := 0
	for n := 0; failed < 20; n++ {
		if err := add(n); err != nil {
			if failed == 0 {
				t.Log(err)
			}
			failed++
			if !strings.Contains(err.Error(), "No space left") {
				t.Fatal(err)
			}
		}
	}
	taken := len(want)
	check := func() {
		t.Helper()
		if got := load(t, o); !slices.EqualFunc(got, want, same) {
			t.Errorf("the queue has %d tasks, want %d", len(got), len(want))
		}
	}
	check()
	disk.grow(64 << 20)
	for n := range 50 {
		if err := add(1_000_000 + n); err != nil {
			t.Errorf("with room again: %v", err)
		}
	}
	release(t, o)
	o = acquire(t, s)
	defer release(t, o)
	check()
	t.Logf("%d tasks were taken before the disk was full; %d changes failed; %d tasks with room again", taken, failed, len(want)-taken)
}
