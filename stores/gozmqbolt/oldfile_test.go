package gozmqbolt

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A file of the first format is read: testdata/v1.db has five tasks with metadata,
// up to 3 attempts and a lease, of which the first was handed out twice; three of
// a batch that has ended; and one of a batch that has not. Its pages have 4096
// bytes, as those of little-endian machines.
func TestOldFile(t *testing.T) {
	old, err := os.ReadFile("testdata/v1.db")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tasks.db")
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("inproc://"+t.Name()), gozmq.WithTaskStore(s))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if n := v.Progress().Queued; n != 9 {
		t.Fatalf("%d tasks wait, want 9", n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	seen := make(chan gozmq.TaskInfo, 20)
	w := gozmqtest.Open(gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(method, func(ctx context.Context, _ *number) error {
			seen <- *gozmq.TaskInfoFromContext(ctx)
			return nil
		})}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(v.Addrs()...)), gozmq.WithConcurrency(1)})).For(t)
	gozmqtest.Run(t, w.Run)
	if err := v.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	batches := make(map[string]int)
	for i := range 9 {
		info := <-seen
		batches[info.Batch]++
		switch {
		case i == 0 && info.Attempt != 3:
			t.Errorf("the first task has attempt %d, want 3", info.Attempt)
		case i < 5 && info.Metadata.Get("tenant") != "acme":
			t.Errorf("task %d has the metadata %v", i, info.Metadata)
		}
	}
	if batches["album"] != 3 || batches["open"] != 1 {
		t.Errorf("tasks of batches: %v", batches)
	}
}
