package gozmqbolt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// runFill puts tasks into a file that may not grow beyond a size, until that
// fails three times, and says how many there are.
func runFill(args []string) int {
	limit, err := strconv.ParseUint(args[1], 10, 64)
	if err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	s, err := Open(args[0])
	if err != nil {
		fmt.Println("open:", err)
		return 0
	}
	put, failed := 0, 0
	for n := 1; failed < 3; n++ {
		if err := (&session{s, s.db}).Apply(context.Background(), &gozmqstore.Change{Put: []gozmqstore.Task{bigTask(n)}}); err != nil {
			failed++
			fmt.Println("apply:", err)
			continue
		}
		fmt.Println("put", bigTask(n).ID)
		put++
	}
	if err := s.Close(); err != nil {
		fmt.Println("close:", err)
	}
	return 0
}

// A disk that is full, at whatever size of the file, makes errors; every task
// that was taken is there when there is room again. A file that was being made is
// usable, or refused with what to do.
func TestFullDisk(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	var made, refused, tasks int
	for _, limit := range slices.Concat(sizes(0, 9*page, page/2), sizes(9*page+100, 80*page, 11*page)) {
		path := filepath.Join(t.TempDir(), "tasks.db")
		var out, wrong bytes.Buffer
		c := exec.Command(program, path, strconv.Itoa(limit))
		c.Env = append(os.Environ(), fillVariable+"=1")
		c.Stdout, c.Stderr = &out, &wrong
		if err := c.Run(); err != nil {
			t.Fatalf("limit %d: %v\n%s\n%s", limit, err, &out, &wrong)
		}
		var want []string
		for line := range strings.Lines(out.String()) {
			switch id, ok := strings.CutPrefix(strings.TrimSpace(line), "put "); {
			case ok:
				want = append(want, id)
			case !strings.Contains(line, path) || strings.Contains(line, "panic"):
				t.Errorf("limit %d: %s", limit, line)
			}
		}
		s, err := Open(path)
		if err != nil {
			if refused++; len(want) > 0 || !strings.Contains(err.Error(), "delete it") {
				t.Errorf("limit %d: with %d tasks: %v", limit, len(want), err)
			}
			continue
		}
		made, tasks = made+1, tasks+len(want)
		var got []string
		for _, t := range load(t, opened{s, &session{s, s.db}}) {
			got = append(got, t.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: the file has %q, want %q", limit, got, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d files were made, with %d tasks; %d half-made ones were refused", made, tasks, refused)
}

func sizes(from, to, step int) (list []int) {
	for n := from; n < to; n += step {
		list = append(list, n)
	}
	return list
}
