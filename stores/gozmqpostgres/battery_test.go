package gozmqpostgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/queuetest"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/gozmqstoretest"
)

// A batteryStore remembers its session.
type batteryStore struct {
	*Store
	session *session
}

func (s *batteryStore) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	o, err := s.Store.Acquire(ctx, standby)
	if err == nil {
		s.session = o.(*session)
	}
	return o, err
}

// A queue passes the tests of ventilators that follow one another.
func TestVentilators(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	queuetest.Run(t, func(t *testing.T) func() gozmqstore.Store {
		q := newQueue(t)
		return func() gozmqstore.Store {
			s, err := Open(t.Context(), url, q)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

// A queue passes the battery of all stores. Here a crash ends the renewal of the
// lease and nothing else; processes that are killed are tested with pipelines
// (failover_test.go).
func TestBattery(t *testing.T) {
	url := server(t).URL(server(t).Addr())
	gozmqstoretest.Run(t, func(t *testing.T) gozmqstoretest.Queue {
		q := newQueue(t)
		admin := open(t, url, q)
		change := func(t testing.TB, sql string, args ...any) {
			t.Helper()
			if _, err := admin.pool.Exec(context.Background(), sql, args...); err != nil {
				t.Error(err)
			}
		}
		return gozmqstoretest.Queue{
			TakeOver: testkit.Stretch(5 * time.Second),
			Patience: patience,
			Open: func(t testing.TB) gozmqstore.Store {
				s, err := Open(t.Context(), url, q)
				if err != nil {
					t.Fatal(err)
				}
				return &batteryStore{Store: s}
			},
			Close: func(t testing.TB, s gozmqstore.Store) {
				if err := s.(*batteryStore).Close(); err != nil {
					t.Error(err)
				}
			},
			Crash: func(t testing.TB, s gozmqstore.Store) {
				b := s.(*batteryStore)
				b.session.lose(errors.New("the process died"))
				b.session.renew.Wait()
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			},
			Lose: func(t testing.TB, _ gozmqstore.Store) {
				change(t, `UPDATE `+q.table("queues")+` SET owner = 'another one', fence = fence + 1, expires = clock_timestamp()`)
			},
			Damage: func(t testing.TB, id string) {
				change(t, `UPDATE `+q.table("tasks")+` SET state = 'strange' WHERE id = $1`, []byte(id))
			},
		}
	})
}
