package gozmqbolt

import (
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// BenchmarkLoad opens a file with tasks that wait, and reads them.
func BenchmarkLoad(b *testing.B) {
	const groups, group = 100, 1000
	path := filepath.Join(b.TempDir(), "tasks.db")
	s, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	o, err := s.Acquire(b.Context(), func() {})
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 64)
	for g := range groups {
		change := &gozmqstore.Change{}
		for i := range group {
			id := binary.LittleEndian.AppendUint64(nil, uint64(g*group+i+1)*0x9E3779B97F4A7C15) // in no order
			change.Put = append(change.Put, gozmqstore.Task{
				ID: string(id), Procedure: "test.Tasks/Run", Body: body, Lease: time.Minute, Enqueued: time.Now(),
			})
		}
		if err := o.Apply(b.Context(), change); err != nil {
			b.Fatal(err)
		}
	}
	if err := o.Release(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		o, err := s.Acquire(b.Context(), func() {})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		if err := o.Load(b.Context(), func(gozmqstore.Task) error { n++; return nil }); err != nil || n != groups*group {
			b.Fatalf("%d tasks, error %v", n, err)
		}
		if err := o.Release(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N*groups*group)/b.Elapsed().Seconds(), "tasks/s")
}
