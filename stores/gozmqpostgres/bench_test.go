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
