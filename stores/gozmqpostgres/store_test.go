package gozmqpostgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

var patience = testkit.Stretch(60 * time.Second)

// newQueue returns a queue in a schema of the test's own.
func newQueue(t testing.TB) Queue {
	name := strings.ToLower(t.Name())
	return Queue{Name: name[:min(len(name), maxQueueName)], Schema: "s" + fmt.Sprint(time.Now().UnixNano())}
}

// open opens a store whose lease lasts longer than any test, unless opts say
// otherwise.
func open(t testing.TB, url string, q Queue, opts ...Option) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, q, append([]Option{WithLease(time.Hour)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func acquire(t testing.TB, s *Store) *session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o, err := s.Acquire(ctx, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return o.(*session)
}

func release(t testing.TB, o *session) {
	t.Helper()
	if err := o.Release(context.Background()); err != nil {
		t.Error(err)
	}
}

func load(t testing.TB, o *session) (list []gozmqstore.Task) {
	t.Helper()
	err := o.Load(t.Context(), func(task gozmqstore.Task) error {
		list = append(list, task)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func mustApply(t testing.TB, o *session, c gozmqstore.Change) {
	t.Helper()
	if err := o.Apply(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
}

// connect returns a connection of a user of the database.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// full is a task that has everything.
func full(id string) gozmqstore.Task {
	at := time.Date(2031, 2, 3, 4, 5, 6, 789_000, time.UTC)
	return gozmqstore.Task{
		ID: id, Procedure: "test.Tasks/Run", Body: []byte("\x00body\xff"), Header: []byte{}, Batch: "\x00\xffbatch",
		MaxAttempts: 7, Lease: 1500 * time.Microsecond, Priority: -3, Key: "k\x00\\\xffé", UniqueKey: "u", UniqueUntil: at,
		Retain: 36 * time.Hour, Enqueued: at.Add(time.Second),
		Status: gozmqstore.Status{
			State: gozmqstore.StateDead, Attempts: 3, NotBefore: at.Add(time.Minute), Expires: at.Add(time.Hour), Ended: at.Add(2 * time.Hour),
			Code: 13, Reason: "it was \xfe", Result: []byte("result"),
		},
	}
}

// same reports whether two records are the same but for the zones of their times.
func same(a, b gozmqstore.Task) bool {
	for _, t := range []*gozmqstore.Task{&a, &b} {
		for _, at := range []*time.Time{&t.UniqueUntil, &t.Enqueued, &t.NotBefore, &t.Expires, &t.Ended} {
			*at = at.UTC()
		}
	}
	return reflect.DeepEqual(a, b)
}

// Every field of a record comes back, whatever is in it.
func TestFields(t *testing.T) {
	s := open(t, server(t).URL(server(t).Addr()), newQueue(t))
	o := acquire(t, s)
	want := []gozmqstore.Task{full("a"), {ID: "\x00\xff", Procedure: "p"}, {ID: "state", Header: []byte("h"), Status: gozmqstore.Status{State: gozmqstore.StateBatch}}}
	mustApply(t, o, gozmqstore.Change{Put: want})
	release(t, o)
	o = acquire(t, s)
	defer release(t, o)
	if got := load(t, o); !slices.EqualFunc(got, want, same) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	status := full("").Status
	mustApply(t, o, gozmqstore.Change{Update: map[string]gozmqstore.Status{"\x00\xff": status, "unknown": {}}, Delete: []string{"a", "state", "unknown"}})
	if got := load(t, o); len(got) != 1 || !same(got[0], gozmqstore.Task{ID: "\x00\xff", Procedure: "p", Status: status}) {
		t.Errorf("updated: %+v", got)
	}
}

// A task that is in all parts of a change is put, then updated, then deleted; a
// change that is made again changes nothing more.
func TestPartsOfOneChange(t *testing.T) {
	s := open(t, server(t).URL(server(t).Addr()), newQueue(t))
	o := acquire(t, s)
	defer release(t, o)
	change := gozmqstore.Change{
		Put:    []gozmqstore.Task{{ID: "a", Procedure: "p"}, {ID: "b", Procedure: "p"}, {ID: "c", Procedure: "p"}, {ID: "a", Procedure: "p"}},
		Update: map[string]gozmqstore.Status{"a": {Attempts: 5}, "b": {Attempts: 6}},
		Delete: []string{"b"},
	}
	for range 2 {
		mustApply(t, o, change)
		got := load(t, o)
		want := []gozmqstore.Task{{ID: "a", Procedure: "p", Status: gozmqstore.Status{Attempts: 5}}, {ID: "c", Procedure: "p"}}
		if !slices.EqualFunc(got, want, same) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// An owner whose lease another one has taken can write nothing, whatever it
// believes.
func TestFence(t *testing.T) {
	q := newQueue(t)
	url := server(t).URL(server(t).Addr())
	first, second := open(t, url, q), open(t, url, q)
	old := acquire(t, first)
	mustApply(t, old, gozmqstore.Change{Put: []gozmqstore.Task{{ID: "kept", Procedure: "p"}}})
	c := connect(t, url)
	if _, err := c.Exec(t.Context(), `UPDATE `+q.table("queues")+` SET expires = clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
	o := acquire(t, second)
	defer release(t, o)
	err := old.Apply(t.Context(), &gozmqstore.Change{Put: []gozmqstore.Task{{ID: "new", Procedure: "p"}}, Delete: []string{"kept"}})
	if !errors.Is(err, gozmqstore.ErrLost) {
		t.Errorf("the old owner wrote: %v", err)
	}
	select {
	case <-old.Lost():
	case <-time.After(patience):
		t.Error("the old owner does not know that it has lost the queue")
	}
	if got := load(t, o); len(got) != 1 || got[0].ID != "kept" {
		t.Errorf("got %+v", got)
	}
	release(t, old)
	if err := o.Apply(t.Context(), &gozmqstore.Change{Delete: []string{"kept"}}); err != nil {
		t.Errorf("the release of the old owner took the queue from the new one: %v", err)
	}
}

// A session that stands by gets a released queue at once, long before it polls.
func TestReleaseIsHeard(t *testing.T) {
	q := newQueue(t)
	url := server(t).URL(server(t).Addr())
	first, second := open(t, url, q, WithLease(time.Hour), WithPoll(time.Hour)), open(t, url, q, WithLease(time.Hour), WithPoll(time.Hour))
	o := acquire(t, first)
	standby, got := make(chan struct{}), make(chan *session)
	go func() {
		next, err := second.Acquire(context.Background(), func() { close(standby) })
		if err != nil {
			t.Error(err)
		}
		got <- next.(*session)
	}()
	<-standby
	waitListener(t, url, q, 2)
	begin := time.Now()
	release(t, o)
	select {
	case next := <-got:
		t.Logf("taken over %v after the release began", time.Since(begin))
		release(t, next)
	case <-time.After(patience):
		t.Fatal("the session that stands by does not get the queue")
	}
}

// waitListener waits until n sessions listen to a queue.
func waitListener(t testing.TB, url string, q Queue, n int) {
	t.Helper()
	c := connect(t, url)
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		var have int
		err := c.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' || $1 || '%' AND state = 'idle'`, q.channel()).Scan(&have)
		if err != nil || time.Since(begin) > patience {
			t.Fatalf("%d sessions listen: %v", have, err)
		}
		if have >= n {
			return
		}
	}
}

// The wrong version, queue, option or password is refused; no error shows a
// password.
func TestOpenRefuses(t *testing.T) {
	srv := server(t)
	url := srv.URL(srv.Addr())
	q := newQueue(t)
	open(t, url, q)
	newer := newQueue(t)
	open(t, url, newer)
	if _, err := connect(t, url).Exec(t.Context(), `INSERT INTO `+newer.table("schema_versions")+` VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url  string
		q    Queue
		opt  Option
		want string
	}{
		"newer":    {url, newer, WithPoll(time.Second), "update this program"},
		"name":     {url, Queue{}, WithPoll(time.Second), "has the name"},
		"schema":   {url, Queue{Name: "q", Schema: strings.Repeat("s", 64)}, WithPoll(time.Second), "has the schema"},
		"lease":    {url, q, WithLease(1), "WithLease"},
		"poll":     {url, q, WithPoll(0), "WithPoll"},
		"password": {strings.Replace(url, srv.Password(), "swordfish", 1), q, WithPoll(time.Second), "password authentication failed"},
		"url":      {"postgres://gozmq:swordfish@127.0.0.1:x/", q, WithPoll(time.Second), "cannot parse"},
		"nobody":   {"postgres://gozmq:swordfish@127.0.0.1:1/", q, WithPoll(time.Second), "failed to connect"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), c.url, c.q, c.opt)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), srv.Password()) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Many programs that start at once on a new database make its tables once.
func TestMigrateTogether(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	errs := make(chan error)
	for range 8 {
		go func() {
			c, err := pgx.Connect(context.Background(), url)
			if err == nil {
				err = errors.Join(Migrate(context.Background(), c, q), c.Close(context.Background()))
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// Tables of version 1 are brought up to date, with their records.
func TestMigrateOld(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	s := open(t, url, q)
	o := acquire(t, s)
	mustApply(t, o, gozmqstore.Change{Put: []gozmqstore.Task{{ID: "a", Procedure: "p"}}})
	release(t, o)
	c := connect(t, url)
	versions := q.table("schema_versions")
	if _, err := c.Exec(t.Context(), `DELETE FROM `+versions+` WHERE version > 1`); err != nil {
		t.Fatal(err)
	}
	o = acquire(t, open(t, url, q))
	defer release(t, o)
	if got := load(t, o); len(got) != 1 || got[0].ID != "a" || got[0].Err != nil {
		t.Errorf("got %+v", got)
	}
	version := 0
	if err := c.QueryRow(t.Context(), `SELECT max(version) FROM `+versions).Scan(&version); err != nil || version != schemaVersion {
		t.Errorf("version %d, %v", version, err)
	}
}

// A record that somebody has damaged is set aside, told once, and keeps no other
// one.
func TestDamagedRecord(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	s := open(t, url, q)
	o := acquire(t, s)
	mustApply(t, o, gozmqstore.Change{Put: []gozmqstore.Task{{ID: "a", Procedure: "p"}, {ID: "b", Procedure: "p"}, {ID: "c", Procedure: "p"}}})
	if _, err := connect(t, url).Exec(t.Context(), `UPDATE `+q.table("tasks")+` SET state = 'strange', key = '\zz' WHERE id = 'b'`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := load(t, o)
		ids := make([]string, 0, len(got))
		for _, task := range got {
			ids = append(ids, task.ID)
			if (task.ID == "b") != (task.Err != nil) {
				t.Errorf("%+v", task)
			}
			if task.Err != nil {
				t.Log(task.Err)
			}
		}
		if want := []string{"a", "c", "b"}[:len(got)]; !slices.Equal(ids, want) {
			t.Errorf("got %q, want %q", ids, want)
		}
		release(t, o)
		o = acquire(t, s)
	}
	release(t, o)
}

// A change that the server refuses is an error at once, and has changed nothing.
func TestRefusedChange(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	s := open(t, url, q)
	o := acquire(t, s)
	defer release(t, o)
	if _, err := connect(t, url).Exec(t.Context(), `ALTER TABLE `+q.table("tasks")+` ADD CHECK (procedure <> 'bad')`); err != nil {
		t.Fatal(err)
	}
	err := o.Apply(t.Context(), &gozmqstore.Change{Put: []gozmqstore.Task{{ID: "a", Procedure: "good"}, {ID: "b", Procedure: "bad"}}})
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "23514" {
		t.Errorf("got %v", err)
	}
	if got := load(t, o); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}
