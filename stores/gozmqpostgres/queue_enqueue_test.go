package gozmqpostgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// Tasks of transactions, of both kinds, come when these are committed, also those
// from before there was an owner, and each once.
func TestEnqueueTx(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	s := open(t, url, q)
	c := connect(t, url)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var want []gozmqstore.Task
	next := func() gozmqstore.Task {
		task := full(fmt.Sprint("id ", len(want)))
		task.State = gozmqstore.StateWaiting
		want = append(want, task)
		return task
	}
	pgxTx := func(tasks ...gozmqstore.Task) {
		t.Helper()
		if err := pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error { return q.EnqueueTx(t.Context(), tx, tasks...) }); err != nil {
			t.Fatal(err)
		}
	}
	pgxTx(next(), next())
	again := want[0]
	o := acquire(t, s)
	mustApply(t, o, gozmqstore.Change{Put: []gozmqstore.Task{{ID: "own", Procedure: "p"}}})
	if got := load(t, o); len(got) != 1 || got[0].ID != "own" {
		t.Errorf("Load: %+v, want only what nobody has enqueued", got)
	}
	fed, stop := feed(t, o)
	collect := func() {
		t.Helper()
		for i := range want {
			select {
			case got := <-fed:
				if !same(got, want[i]) {
					t.Errorf("task %d: got  %+v\nwant %+v", i, got, want[i])
				}
			case <-time.After(patience):
				t.Fatalf("task %d did not come", i)
			}
		}
		want = want[:0]
	}
	collect()
	pgxTx(again) // is there already
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := q.EnqueueTx(t.Context(), tx, gozmqstore.Task{ID: "rolled back", Procedure: "p"}); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	plain, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.EnqueueSQLTx(t.Context(), plain, gozmqstore.Task{ID: "sql", Procedure: "p", Body: []byte("b")}, gozmqstore.Task{ID: "sql 2", Procedure: "p", Priority: 4}); err != nil {
		t.Fatal(err)
	}
	if err := plain.Commit(); err != nil {
		t.Fatal(err)
	}
	want = append(want, gozmqstore.Task{ID: "sql", Procedure: "p", Body: []byte("b")}, gozmqstore.Task{ID: "sql 2", Procedure: "p", Priority: 4})
	collect()
	stop()
	release(t, o)
	o = acquire(t, s)
	defer release(t, o)
	if got := load(t, o); len(got) != 5 {
		t.Errorf("the next owner loads %d tasks, want 5: %+v", len(got), got)
	}
	for _, task := range []gozmqstore.Task{{}, {ID: "x"}, full("dead")} {
		if err := q.EnqueueTx(t.Context(), nil, task); err == nil {
			t.Errorf("%+v was enqueued", task)
		}
	}
}

// feed returns the tasks that a session feeds, until stop.
func feed(t testing.TB, o *session) (fed <-chan gozmqstore.Task, stop func()) {
	c := make(chan gozmqstore.Task)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := o.Feed(ctx, func(ctx context.Context, tasks []gozmqstore.Task) error {
			for _, task := range tasks {
				select {
				case c <- task:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) && !errors.Is(err, gozmqstore.ErrLost) {
			t.Errorf("Feed ended: %v", err)
		}
	}()
	return c, func() {
		cancel()
		<-done
	}
}

// The owner learns of tasks by the notification, and where that does not come by
// its poll.
func TestArrivals(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	q := newQueue(t)
	c := connect(t, url)
	enqueue := func(id string, mute bool) {
		t.Helper()
		err := pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error {
			if mute {
				schema := pgx.Identifier{q.Schema}.Sanitize()
				if _, err := tx.Exec(t.Context(), "SET LOCAL search_path = "+schema+", pg_catalog"); err != nil {
					return err
				}
				if _, err := tx.Exec(t.Context(), "CREATE OR REPLACE FUNCTION "+schema+".pg_notify(text, text) RETURNS void LANGUAGE sql AS ''"); err != nil {
					return err
				}
			}
			return q.EnqueueTx(t.Context(), tx, gozmqstore.Task{ID: id, Procedure: "p"})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(fed <-chan gozmqstore.Task, ids ...string) {
		t.Helper()
		for _, id := range ids {
			select {
			case task := <-fed:
				if task.ID != id {
					t.Errorf("got %q, want %q", task.ID, id)
				}
			case <-time.After(patience):
				t.Fatalf("%q does not come", id)
			}
		}
	}
	o := acquire(t, open(t, url, q, WithPoll(time.Hour)))
	fed, stop := feed(t, o)
	waitListener(t, url, q, 1)
	enqueue("a", false)
	want(fed, "a")
	enqueue("b", true)
	select {
	case task := <-fed:
		t.Errorf("%q came without a notification, before the poll", task.ID)
	case <-time.After(200 * time.Millisecond):
	}
	enqueue("c", false)
	want(fed, "b", "c")
	stop()
	release(t, o)
	o = acquire(t, open(t, url, q, WithPoll(20*time.Millisecond)))
	defer release(t, o)
	fed, stop = feed(t, o)
	defer stop()
	enqueue("d", true)
	want(fed, "d")
}

// A user with no more rights than the documentation says can enqueue.
func TestEnqueueRights(t *testing.T) {
	srv := server(t)
	url := srv.URL(srv.Addr())
	q := newQueue(t)
	open(t, url, q)
	schema := pgx.Identifier{q.schema()}.Sanitize()
	c := connect(t, url)
	_, err := c.Exec(t.Context(), `CREATE ROLE enqueuer LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA `+schema+` TO enqueuer;
		GRANT INSERT ON `+q.table("tasks")+`, `+q.table("arrivals")+` TO enqueuer; GRANT SELECT ON `+q.table("tasks")+` TO enqueuer`)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.Exec(context.Background(), "DROP OWNED BY enqueuer; DROP ROLE enqueuer"); err != nil {
			t.Error(err)
		}
	})
	user := connect(t, strings.Replace(url, "gozmq:"+srv.Password(), "enqueuer:secret", 1))
	err = pgx.BeginFunc(t.Context(), user, func(tx pgx.Tx) error {
		return q.EnqueueTx(t.Context(), tx, gozmqstore.Task{ID: "a", Procedure: "p"})
	})
	if err != nil {
		t.Error(err)
	}
}
