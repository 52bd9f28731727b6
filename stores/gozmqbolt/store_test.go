package gozmqbolt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// An opened is a Store, and the session that owns it.
type opened struct {
	*Store
	session *session
}

func open(t testing.TB, path string) opened {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return opened{s, &session{s, s.db}}
}

func (o opened) Load(visit func(gozmqstore.Task) error) error {
	return o.session.Load(context.Background(), visit)
}

func (o opened) Apply(change *gozmqstore.Change) error {
	return o.session.Apply(context.Background(), change)
}

// load returns what the file has.
func load(t testing.TB, s opened) (list []gozmqstore.Task) {
	t.Helper()
	err := s.Load(func(task gozmqstore.Task) error {
		if task.Err != nil {
			t.Error(task.Err)
		}
		list = append(list, task)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func task(n int) gozmqstore.Task {
	return gozmqstore.Task{
		ID: fmt.Sprint("id ", n), Procedure: "test.Tasks/Run", Status: gozmqstore.Status{Attempts: n % 3},
		Body: []byte(strings.Repeat("b", n%700)), Header: []byte(strings.Repeat("h", n%5)),
	}
}

// Random changes, and the file closed and opened between, compared with a list.
func TestStore(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "tasks.db")
	s := open(t, path)
	var want []gozmqstore.Task
	last := 0
	for range 60 {
		change := gozmqstore.Change{Update: map[string]gozmqstore.Status{"unknown": {Attempts: 1}}, Delete: []string{"unknown"}}
		for range random.IntN(5) {
			last++
			change.Put = append(change.Put, task(last))
		}
		want = append(want, change.Put...)
		for range random.IntN(4) {
			if len(want) > 0 {
				w := &want[random.IntN(len(want))]
				w.Attempts = random.IntN(100)
				change.Update[w.ID] = w.Status
			}
		}
		for range random.IntN(4) {
			if len(want) > 0 {
				i := random.IntN(len(want))
				change.Delete = append(change.Delete, want[i].ID)
				want = slices.Delete(want, i, i+1)
			}
		}
		if err := s.Apply(&change); err != nil {
			t.Fatal(err)
		}
		if random.IntN(10) == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
		}
		got := load(t, s)
		if !slices.EqualFunc(got, want, func(a, b gozmqstore.Task) bool {
			return a.ID == b.ID && a.Procedure == b.Procedure && a.Attempts == b.Attempts && string(a.Body) == string(b.Body) && string(a.Header) == string(b.Header)
		}) {
			t.Fatalf("the file has\n%v\nwant\n%v", got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A change is made as a whole or not at all.
func TestStoreAtomic(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tasks.db"))
	defer s.Close()
	if err := s.Apply(&gozmqstore.Change{Put: []gozmqstore.Task{task(1)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(&gozmqstore.Change{Put: []gozmqstore.Task{task(1)}}); err != nil {
		t.Errorf("a task was put again: %v", err)
	}
	err := s.Apply(&gozmqstore.Change{Put: []gozmqstore.Task{task(2), {}}, Delete: []string{task(1).ID}})
	if err == nil {
		t.Error("a task without an id was put")
	}
	if got := load(t, s); len(got) != 1 || got[0].ID != task(1).ID {
		t.Errorf("the file has %v", got)
	}
	stop := errors.New("stop")
	if err := s.Load(func(gozmqstore.Task) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Load returned %v", err)
	}
}

func TestOpenFails(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "tasks.db")); err == nil {
		t.Error("no error")
	}
}

// Tasks that are put by many callers share transactions.
func BenchmarkVentilator(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "tasks.db"))
	defer s.Close()
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(s), gozmq.WithTaskQueue(1<<30, 1<<30), gozmq.Bind("inproc://"+b.Name()))
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := 0; i < b.N; i += 64 {
				if err := push(b.Context(), v, int64(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
