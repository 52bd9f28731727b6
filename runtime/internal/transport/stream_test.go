package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestRing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var r ring
	var model []byte
	for range 1000 {
		if rnd.IntN(2) == 0 {
			p := make([]byte, rnd.IntN(maxRing))
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
			n := r.write(p)
			if want := min(len(p), maxRing-len(model)); n != want {
				t.Fatalf("write took %d bytes, want %d", n, want)
			}
			model = append(model, p[:n]...)
		} else {
			p := make([]byte, rnd.IntN(maxRing))
			n := r.read(p)
			if want := min(len(p), len(model)); n != want || !bytes.Equal(p[:n], model[:n]) {
				t.Fatalf("read gave %d bytes, want %d with the same content", n, want)
			}
			model = model[n:]
		}
		if rnd.IntN(10) == 0 {
			r.resize(r.n)
		}
		if r.n != len(model) || r.room() != maxRing-len(model) || len(r.buf) > maxRing {
			t.Fatalf("%d bytes and room for %d in a buffer of %d, want %d bytes", r.n, r.room(), len(r.buf), len(model))
		}
	}
}

func TestPipeTryWrite(t *testing.T) {
	a, b := Pipe("x")
	defer b.Close()
	defer a.Close()
	big := bytes.Repeat([]byte("x"), maxRing+1000)
	steps := []struct {
		name string
		read int // bytes that the peer reads first
		try  int
		want int
	}{
		{"nothing", 0, 0, 0},
		{"a part", 0, 1000, 1000},
		{"up to the bound", 0, maxRing, maxRing - 1000},
		{"full", 0, 1, 0},
		{"after a byte was read", 1, 100, 1},
		{"after all was read", maxRing, maxRing + 1, maxRing},
	}
	for _, s := range steps {
		if _, err := io.ReadFull(b, make([]byte, s.read)); err != nil {
			t.Fatal(err)
		}
		if n, err := a.TryWrite(big[:s.try]); n != s.want || err != nil {
			t.Errorf("%s: TryWrite of %d bytes = %d, %v; want %d", s.name, s.try, n, err, s.want)
		}
	}
	b.Close()
	if n, err := a.TryWrite(big); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("TryWrite to a closed peer = %d, %v", n, err)
	}
}

func TestPipeTryWriteBesideWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe("x")
		done := make(chan error)
		go func() {
			_, err := a.Write(make([]byte, 2*maxRing))
			done <- err
		}()
		synctest.Wait() // the Write waits for room
		if _, err := io.ReadFull(b, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if n, err := a.TryWrite([]byte("y")); n != 0 || err != nil {
			t.Errorf("TryWrite = %d, %v; its byte would be in the middle of the other write", n, err)
		}
		if _, err := io.ReadFull(b, make([]byte, 2*maxRing-10)); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n, err := a.TryWrite([]byte("y")); n != 1 || err != nil {
			t.Errorf("TryWrite afterwards = %d, %v", n, err)
		}
		a.Close()
		b.Close()
	})
}

func TestPipePartialWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe("x")
		a.SetWriteDeadline(time.Now().Add(time.Minute))
		n, err := a.Write(make([]byte, maxRing+10))
		if n != maxRing || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %d, %v; want %d and a deadline", n, err, maxRing)
		}
		a.SetWriteDeadline(time.Time{})
		go b.Close()
		n, err = a.Write(make([]byte, 10))
		if n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write = %d, %v; want io.ErrClosedPipe", n, err)
		}
		a.Close()
	})
}

// buffered returns how much memory a's outgoing direction holds.
func buffered(a *PipeConn) int {
	a.out.mu.Lock()
	defer a.out.mu.Unlock()
	return len(a.out.ring.buf)
}

func TestPipeMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe("x")
		check := func(when string, want int) {
			t.Helper()
			if got := buffered(a); got != want {
				t.Errorf("%s: a buffer of %d bytes, want %d", when, got, want)
			}
		}
		pass := func(n int) {
			t.Helper()
			if _, err := a.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(b, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		after := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		check("new", 0)
		pass(10)
		check("small write", minRing)
		pass(maxRing)
		check("burst", maxRing)
		after(shrinkAfter)
		pass(5000)
		after(shrinkAfter)
		check("less was used for a second", 8192)
		after(2 * shrinkAfter)
		check("idle", 0)
		a.Write(make([]byte, maxRing))
		after(10 * shrinkAfter)
		check("full", maxRing)
		a.Close()
		check("closed, not read", maxRing)
		if got, err := io.ReadAll(b); len(got) != maxRing || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		check("closed and read", 0)
		b.Close()
		b.Write(nil)
	})
}

func TestPipeCloseFreesBuffer(t *testing.T) {
	a, b := Pipe("x")
	if _, err := a.Write(make([]byte, maxRing)); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if got := buffered(a); got != 0 {
		t.Errorf("%d bytes are kept for a reader that has gone", got)
	}
	a.Close()
}

func TestPipeAllocations(t *testing.T) {
	a, b := Pipe("x")
	defer a.Close()
	defer b.Close()
	msg, buf := make([]byte, 1000), make([]byte, 1000)
	past := time.Unix(1, 0)
	if got := testing.AllocsPerRun(100, func() {
		a.Write(msg)
		b.Read(buf)
		b.SetReadDeadline(past)
		b.Read(buf)
		b.SetReadDeadline(time.Time{})
	}); got != 0 {
		t.Errorf("%v allocations per write, read and deadline, want 0", got)
	}
}
