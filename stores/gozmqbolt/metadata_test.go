package gozmqbolt

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A file keeps the metadata of a task, and a task without metadata, as every
// task of an earlier version is, has none.
func TestMetadata(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	with := func(f func(*gozmq.Ventilator), opts ...gozmq.VentilatorOption) {
		t.Helper()
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		v, err := gozmq.NewVentilator(append(opts, gozmq.DeliveryAtLeastOnce, gozmq.Bind("inproc://"+t.Name()), gozmq.WithTaskStore(s))...)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		f(v)
	}
	body, err := proto.Marshal(wrapperspb.Int64(7))
	if err != nil {
		t.Fatal(err)
	}
	old, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	// max_attempts 5 and lease_us 60000000, as before there was metadata.
	header := []byte{0x08, 0x05, 0x10, 0x80, 0x8e, 0xce, 0x1c}
	err = errors.Join((&session{old, old.db}).Apply(ctx, &gozmqstore.Change{Put: []gozmqstore.Task{{ID: "old", Procedure: method.Procedure, Body: body, Header: header}}}), old.Close())
	if err != nil {
		t.Fatal(err)
	}
	with(func(v *gozmq.Ventilator) {
		for _, ctx := range []context.Context{gozmq.AppendMetadata(ctx, "n", "1"), v.StartBatch("album").Context(gozmq.AppendMetadata(ctx, "n", "2"))} {
			if err := push(ctx, v, 8); err != nil {
				t.Fatal(err)
			}
		}
	})
	seen, letters := make(chan gozmq.TaskInfo, 3), make(chan gozmq.DeadLetter, 3)
	with(func(v *gozmq.Ventilator) {
		w := gozmqtest.Open(gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
			return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(method, func(ctx context.Context, _ *number) error {
				seen <- *gozmq.TaskInfoFromContext(ctx)
				return gozmq.Permanent(errors.New("no"))
			})}
		}, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(v.Addrs()...))})).For(t)
		gozmqtest.Run(t, w.Run)
		if err := v.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}, gozmq.WithDeadLetterHandler(func(_ context.Context, d gozmq.DeadLetter) error { letters <- d; return nil }))
	for _, want := range []string{"", "1", "2"} {
		info, letter := <-seen, <-letters
		if info.Metadata.Get("n") != want || letter.Metadata.Get("n") != want || (info.Batch != "") != (want == "2") {
			t.Errorf("the task has %q of batch %q, the letter %q, want %q", info.Metadata, info.Batch, letter.Metadata, want)
		}
	}
}
