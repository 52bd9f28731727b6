package testkit

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	if p := Patience(); p < basePatience || p > maxPatience {
		t.Errorf("patience is %v", p)
	}
	if d := Stretch(time.Second); d < time.Second {
		t.Errorf("a second is stretched to %v", d)
	}
	t.Logf("the work took %v; this process counts as %.1f times slower", measure(), slowness)
}

func TestRecorder(t *testing.T) {
	var r Recorder[int]
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { r.Record(i) })
	}
	even := func(n int) bool { return n%2 == 0 }
	if got := r.Wait(t, 0, 5, "even numbers", even); len(got) != 5 {
		t.Errorf("got %v", got)
	}
	wg.Wait()
	mark := r.Len()
	wg.Go(func() { r.Record(42) })
	if got := r.Wait(t, mark, 1, "another", even); got[0] != 42 {
		t.Errorf("got %v", got)
	}
	wg.Wait()
	if r.Count(even) != 6 || len(r.All()) != 11 || !strings.HasSuffix(r.String(), "42\n") {
		t.Errorf("recorded:\n%s", &r)
	}
}

func TestWaiting(t *testing.T) {
	ch := make(chan string, 1)
	go func() { ch <- "came" }()
	if got := Receive(t, ch, "the word"); got != "came" {
		t.Errorf("got %q", got)
	}
	asked := 0
	Eventually(t, "the third time", func() bool { asked++; return asked == 3 })
	if limit, ok := Within(t).Deadline(); !ok || time.Until(limit) > Patience() {
		t.Error("the context does not end with the patience")
	}
}

func TestSteady(t *testing.T) {
	rounds := 0
	Steady(t, 0, func() error { // any pause counts
		if rounds++; rounds < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if rounds != 3 {
		t.Errorf("%d rounds, want 3", rounds)
	}
	pauses := watchPauses()
	time.Sleep(time.Millisecond)
	if longest := pauses(); longest <= 0 || longest > Patience() {
		t.Errorf("the longest pause was %v", longest)
	}
}

func TestClosedPort(t *testing.T) {
	address := strings.TrimPrefix(ClosedPort(t), "tcp://")
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Errorf("somebody listens on %s", address)
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct{ want, got, shown string }{
		{"a\nb", "a\nb", ""},
		{"a\nb", "a\nc", "line 2: b\nis now: c"},
		{"a\nb", "a", "line 2: b\nis now: (end)"},
		{"a", "a\nb", "line 2: (end)\nis now: b"},
	} {
		if shown := Difference(c.want, c.got); shown != c.shown {
			t.Errorf("%q and %q: %q, want %q", c.want, c.got, shown, c.shown)
		}
	}
}
