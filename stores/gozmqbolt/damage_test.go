package gozmqbolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// tasksIn is how many tasks a valid file has; some take several pages.
const tasksIn = 60

func bigTask(n int) gozmqstore.Task {
	t := task(n)
	if n%20 == 0 {
		t.Body = []byte(strings.Repeat("big", 4000))
	}
	return t
}

// validFile makes a file with tasks 1 to tasksIn, some of which were deleted
// between, and returns its bytes.
func validFile(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tasks.db")
	s := open(t, path)
	for n := 1; n <= tasksIn; n++ {
		change := &gozmqstore.Change{Put: []gozmqstore.Task{bigTask(n), {ID: fmt.Sprint("gone ", n), Procedure: "test.Tasks/Run"}}}
		if n > 5 {
			change.Delete = []string{fmt.Sprint("gone ", n-5)}
		}
		if err := s.Apply(change); err != nil {
			t.Fatal(err)
		}
	}
	last := &gozmqstore.Change{}
	for n := tasksIn - 5; n <= tasksIn; n++ {
		last.Delete = append(last.Delete, fmt.Sprint("gone ", n))
	}
	if err := s.Apply(last); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// try opens a file with these bytes and loads its tasks.
func try(t testing.TB, path string, b []byte) (good map[string]gozmqstore.Task, faults []error, err error) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	s := opened{store, &session{store, store.db}}
	s.db.NoSync = true
	defer func() { err = errors.Join(err, s.Close()) }()
	good = make(map[string]gozmqstore.Task)
	err = s.Load(func(task gozmqstore.Task) error {
		if task.Err != nil {
			faults = append(faults, task.Err)
		} else {
			good[task.ID] = task
		}
		return nil
	})
	if err == nil {
		err = s.Apply(&gozmqstore.Change{Put: []gozmqstore.Task{task(1001)}, Delete: []string{task(1001).ID}})
	}
	return good, faults, err
}

// wantHonest expects every task of a valid file or, for what is not there, an
// error that says so.
func wantHonest(t *testing.T, what string, good map[string]gozmqstore.Task, faults []error, err error) {
	t.Helper()
	if err != nil {
		if !strings.Contains(err.Error(), "tasks.db") || !strings.Contains(err.Error(), "estore it from a copy") {
			t.Errorf("%s: the error has no advice: %v", what, err)
		}
		return
	}
	for n := 1; n <= tasksIn; n++ {
		want := bigTask(n)
		got, ok := good[want.ID]
		switch {
		case !ok && len(faults) == 0:
			t.Errorf("%s: task %d is not there, and nobody says so", what, n)
		case ok && len(faults) > 0:
			got.Attempts = want.Attempts // maybe lost, and reported
			fallthrough
		default:
			if ok && !same(got, want) {
				t.Errorf("%s: task %d is %v, want %v", what, n, got, want)
			}
		}
		delete(good, want.ID)
	}
	if len(good) > 0 && len(faults) == 0 {
		t.Errorf("%s: tasks that were deleted are there, and nobody says so: %v", what, slices.Collect(maps.Keys(good)))
	}
}

func same(a, b gozmqstore.Task) bool {
	return a.ID == b.ID && a.Procedure == b.Procedure && a.Attempts == b.Attempts && string(a.Body) == string(b.Body) && string(a.Header) == string(b.Header)
}

// A file that ends too early, at a page or within one, is refused; bbolt would
// end the process.
func TestTruncated(t *testing.T) {
	b := validFile(t)
	path := filepath.Join(t.TempDir(), "tasks.db")
	page := os.Getpagesize()
	refused := 0
	for size := page; size < len(b); size += page {
		for _, n := range []int{size - page + 1, size - 1, size} {
			good, faults, err := try(t, path, b[:n])
			wantHonest(t, fmt.Sprintf("%d of %d bytes", n, len(b)), good, faults, err)
			if err != nil {
				refused++
			}
		}
	}
	t.Logf("%d pages; %d of %d cut files were refused", len(b)/page, refused, 3*(len(b)/page-1))
	if good, faults, err := try(t, path, nil); err != nil || len(good)+len(faults) > 0 {
		t.Errorf("an empty file: %v, %v", faults, err)
	}
}

// Whatever bytes of a file change: each task is there, or it is said that it is
// not, or the file is refused.
func TestFlippedBytes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := validFile(t)
	path := filepath.Join(t.TempDir(), "tasks.db")
	page := os.Getpagesize()
	flip := func(b []byte, at int) {
		if random.IntN(2) == 0 {
			b[at] ^= 1 << random.IntN(8)
		} else {
			b[at] ^= byte(1 + random.IntN(255))
		}
	}
	var refused, told, unseen int
	check := func(what string, bad []byte) {
		good, faults, err := try(t, path, bad)
		wantHonest(t, what, good, faults, err)
		switch {
		case err != nil:
			refused++
		case len(faults) > 0:
			told++
		default:
			unseen++
		}
	}
	for start := 0; start < len(b); start += page {
		for at := range 40 { // the header, the first elements
			bad := slices.Clone(b)
			flip(bad, start+at)
			check(fmt.Sprintf("page %d, byte %d is %#x, was %#x", start/page, at, bad[start+at], b[start+at]), bad)
		}
	}
	for range 1500 {
		bad := slices.Clone(b)
		var at []int
		for range 1 + random.IntN(3) {
			at = append(at, random.IntN(len(b)))
			flip(bad, at[len(at)-1])
		}
		check(fmt.Sprint("bytes ", at), bad)
	}
	for range 100 { // a page that is another one, or nothing
		bad := slices.Clone(b)
		to, from := random.IntN(len(b)/page)*page, random.IntN(len(b)/page)*page
		copy(bad[to:to+page], b[from:])
		if random.IntN(4) == 0 {
			clear(bad[to : to+page])
		}
		check(fmt.Sprintf("page %d instead of %d", from/page, to/page), bad)
	}
	t.Logf("refused: %d, damaged tasks reported: %d, no difference: %d", refused, told, unseen)
}

// A meta page that is a copy of the other one takes the file back to the
// transaction before, or hides that it was damaged: that is said.
func TestMetaPageOfTheOther(t *testing.T) {
	b := validFile(t)
	path := filepath.Join(t.TempDir(), "tasks.db")
	page := os.Getpagesize()
	for to, from := range map[int]int{0: page, page: 0} {
		bad := slices.Clone(b)
		copy(bad[to:to+page], b[from:])
		good, faults, err := try(t, path, bad)
		wantHonest(t, fmt.Sprintf("page %d instead of %d", from/page, to/page), good, faults, err)
		if err == nil && len(faults) == 0 {
			t.Errorf("page %d instead of %d: nobody says so", from/page, to/page)
		}
	}
}

// A file that was made and never used is empty, or refused.
func TestFlippedUnused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for start := 0; start < len(b); start += os.Getpagesize() {
		for at := range 90 {
			for bit := range 8 {
				bad := slices.Clone(b)
				bad[start+at] ^= 1 << bit
				good, _, err := try(t, path, bad)
				if err == nil && len(good) > 0 || err != nil && !strings.Contains(err.Error(), "from a copy") {
					t.Errorf("page %d, byte %d, bit %d: %d tasks, %v", start/os.Getpagesize(), at, bit, len(good), err)
				}
			}
		}
	}
}

// A damaged record is set aside and reported once, by its id; the others are
// there, and new tasks come behind them.
func TestDamagedRecord(t *testing.T) {
	one := task(100)
	number := binary.BigEndian.AppendUint64(nil, 1)
	good := seal(number, encode(&one))
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	bad := map[string][]byte{
		"empty": {}, "cut": good[:len(good)-1], "longer": append(slices.Clone(good), 0), "flipped": flipped,
		"other key": seal([]byte("other"), encode(&one)), "no task": seal(number, []byte("nonsense")),
		"size": seal(number, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}),
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tasks.db")
			s := open(t, path)
			defer func() { s.Close() }()
			if err := s.Apply(&gozmqstore.Change{Put: []gozmqstore.Task{one, task(2)}}); err != nil {
				t.Fatal(err)
			}
			if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(tasks).Put(number, bad[name]) }); err != nil {
				t.Fatal(err)
			}
			var list []gozmqstore.Task
			err := s.Load(func(task gozmqstore.Task) error {
				list = append(list, task)
				return nil
			})
			if err != nil || len(list) != 2 || !same(list[0], task(2)) || list[1].ID != one.ID || !errors.Is(list[1].Err, errRecord) {
				t.Errorf("Load: %v, %v", list, err)
			}
			if err := s.Apply(&gozmqstore.Change{Put: []gozmqstore.Task{one}}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
			if got := load(t, s); len(got) != 2 || !same(got[0], task(2)) || !same(got[1], one) {
				t.Errorf("then there are %v", got)
			}
			err = s.session.view(func(b buckets) error {
				if aside := b.damaged.Get(number); !reflect.DeepEqual(append([]byte{}, aside...), bad[name]) {
					t.Errorf("set aside: %x, want %x", aside, bad[name])
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A file of a newer version is refused, and stays as it is.
func TestNewerRecord(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tasks.db"))
	defer s.Close()
	number := make([]byte, 8)
	newer := append([]byte{recordVersion + 1}, binary.BigEndian.AppendUint32(nil, checksum(recordVersion+1, number, nil))...)
	if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(tasks).Put(number, newer) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(func(gozmqstore.Task) error { return nil }); !errors.Is(err, errVersion) {
		t.Errorf("Load returned %v", err)
	}
}

// A file whose end goes while it is open makes errors, and Close returns.
func TestTruncatedWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	if err := os.WriteFile(path, validFile(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := s.Load(func(gozmqstore.Task) error { return nil })
		if !errors.As(err, new(*damagedError)) || !strings.Contains(err.Error(), path) {
			t.Errorf("Load returned %v", err)
		}
		if err := s.Apply(&gozmqstore.Change{Delete: []string{"id 1"}}); !errors.As(err, new(*damagedError)) {
			t.Errorf("Apply returned %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Open returned %v", err)
	}
}

// What is no task file is refused.
func TestOpenForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	for name, b := range map[string][]byte{"text": []byte("hello"), "long text": []byte(strings.Repeat("hello ", 10_000)), "zeros": make([]byte, 1<<16)} {
		if _, _, err := try(t, path, b); err == nil || !strings.Contains(err.Error(), "no whole task file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	os.Remove(path)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("another program's"))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "no bucket") {
		t.Errorf("Open returned %v", err)
	}
}

// A file that is open is waited for, also within one process.
func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	s := open(t, path)
	other, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	waits := 0
	if _, err := other.Acquire(ctx, func() { waits++; cancel() }); !errors.Is(err, context.Canceled) || waits != 1 {
		t.Errorf("Acquire returned %v, and said %d times that it waits", err, waits)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	session, err := other.Acquire(t.Context(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Release(t.Context()); err != nil {
		t.Error(err)
	}
	s = open(t, path)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
