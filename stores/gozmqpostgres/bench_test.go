package gozmqpostgres

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/internal/postgrestest"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// BenchmarkApply makes changes, each with a number of new tasks and the end of as
// many old ones, on a server that syncs every commit, or none.
func BenchmarkApply(b *testing.B) {
	srv := postgrestest.Start(b)
	for _, synced := range []string{"on", "off"} {
		b.Run("synced="+synced, func(b *testing.B) { benchmarkApply(b, srv.URL(srv.Addr())+"&synchronous_commit="+synced) })
	}
}

func benchmarkApply(b *testing.B, url string) {
	for _, size := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			q := newQueue(b)
			s := open(b, url, q)
			o := acquire(b, s)
			defer release(b, o)
			body := make([]byte, 200)
			var before []string
			b.ResetTimer()
			for n := range b.N {
				change := gozmqstore.Change{Delete: before}
				before = nil
				for i := range size {
					id := fmt.Sprintf("%08d%08d", n, i)
					change.Put = append(change.Put, gozmqstore.Task{ID: id, Procedure: "test.Tasks/Run", Body: body})
					before = append(before, id)
				}
				mustApply(b, o, change)
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}

// BenchmarkLoad reads tasks that wait.
func BenchmarkLoad(b *testing.B) {
	const tasks = 100_000
	srv := postgrestest.Start(b, "fsync=off")
	q := newQueue(b)
	s := open(b, srv.URL(srv.Addr()), q)
	const fill = `INSERT INTO %s (queue, id, state, procedure, lease, enqueued, body)
	SELECT $1, decode(md5(n::text), 'hex'), 'waiting', 'test.Tasks/Run', interval '1 minute', now(), decode(repeat('00', 64), 'hex') FROM generate_series(1, $2::int) n`
	if _, err := s.pool.Exec(b.Context(), fmt.Sprintf(fill, q.table("tasks")), q.Name, tasks); err != nil {
		b.Fatal(err)
	}
	o := acquire(b, s)
	defer release(b, o)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := o.Load(b.Context(), func(gozmqstore.Task) error { n++; return nil })
		if err != nil || n != tasks {
			b.Fatalf("%d tasks, error %v", n, err)
		}
	}
	b.ReportMetric(float64(b.N*tasks)/b.Elapsed().Seconds(), "tasks/s")
}
