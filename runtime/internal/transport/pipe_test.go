package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// pairs makes a connected pair per transport: what a pipe must do is what the
// system's own connections do.
func pairs(t *testing.T, check func(t *testing.T, a, b net.Conn)) {
	for _, in := range []string{"tcp://127.0.0.1:0", "ipc://*", "inproc://" + t.Name()} {
		t.Run(mustBind(t, in).Scheme(), func(t *testing.T) {
			l := mustListen(t, in)
			a, b := connect(t, l)
			check(t, a, b)
		})
	}
	t.Run("pipe", func(t *testing.T) {
		a, b := Pipe("x")
		defer a.Close()
		defer b.Close()
		check(t, a, b)
	})
}

func wantTimeout(t *testing.T, what string, err error) {
	t.Helper()
	var n net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &n) || !n.Timeout() {
		t.Errorf("%s: %v, want os.ErrDeadlineExceeded that is a net.Error with Timeout", what, err)
	}
}

func TestConnTransfersAll(t *testing.T) {
	pairs(t, func(t *testing.T, a, b net.Conn) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		data := make([]byte, 1<<20)
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		var wg sync.WaitGroup
		for _, dir := range [][2]net.Conn{{a, b}, {b, a}} {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, 2))
				for rest := data; len(rest) > 0; {
					n := min(len(rest), 1+r.IntN(100_000))
					if k, err := dir[0].Write(rest[:n]); k != n || err != nil {
						t.Errorf("Write = %d, %v; want %d", k, err, n)
						return
					}
					rest = rest[n:]
				}
			})
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, 3))
				var got []byte
				buf := make([]byte, 100_000)
				for len(got) < len(data) {
					n, err := dir[1].Read(buf[:1+r.IntN(len(buf))])
					if err != nil || n == 0 {
						t.Errorf("Read = %d, %v", n, err)
						return
					}
					got = append(got, buf[:n]...)
				}
				if !bytes.Equal(got, data) {
					t.Error("the data changed on the way")
				}
			})
		}
		wg.Wait()
	})
}

func TestConnCloseThenRead(t *testing.T) {
	pairs(t, func(t *testing.T, a, b net.Conn) {
		if _, err := a.Write([]byte("last words")); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b)
		if string(got) != "last words" || err != nil {
			t.Errorf("the peer read %q, %v", got, err)
		}
		if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read = %d, %v; want io.EOF", n, err)
		}
	})
}

func TestConnWriteToClosedPeer(t *testing.T) {
	pairs(t, func(t *testing.T, a, b net.Conn) {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := a.SetWriteDeadline(time.Now().Add(testkit.Patience())); err != nil {
			t.Fatal(err)
		}
		chunk := make([]byte, 1<<16)
		for {
			_, err := a.Write(chunk) // the system may take the first ones
			if err == nil {
				continue
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("writes to a closed peer do not fail")
			}
			break
		}
	})
}

func TestConnUseAfterClose(t *testing.T) {
	pairs(t, func(t *testing.T, a, _ net.Conn) {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1)
		_, errR := a.Read(buf)
		_, errW := a.Write(buf)
		for i, err := range []error{errR, errW, a.SetDeadline(time.Time{}), a.SetReadDeadline(time.Time{}), a.SetWriteDeadline(time.Time{})} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("call %d after Close: %v, want net.ErrClosed", i, err)
			}
		}
	})
}

func TestConnPastDeadline(t *testing.T) {
	past := time.Unix(1, 0)
	pairs(t, func(t *testing.T, a, b net.Conn) {
		if _, err := b.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := a.SetDeadline(past); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1)
		for range 2 {
			_, err := a.Read(buf)
			wantTimeout(t, "Read", err)
			_, err = a.Write(buf)
			wantTimeout(t, "Write", err)
		}
		if err := a.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if n, err := a.Read(buf); n != 1 || err != nil {
			t.Errorf("Read after the deadline was taken away = %d, %v", n, err)
		}
		if n, err := a.Write(buf); n != 1 || err != nil {
			t.Errorf("Write after the deadline was taken away = %d, %v", n, err)
		}
	})
}

func TestConnDeadlineWakes(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond} {
		pairs(t, func(t *testing.T, a, _ net.Conn) {
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					_, err := a.Read(make([]byte, 1))
					wantTimeout(t, "Read", err)
				})
			}
			wg.Go(func() {
				for {
					if _, err := a.Write(make([]byte, 1<<16)); err != nil {
						wantTimeout(t, "Write", err)
						return
					}
				}
			})
			if err := a.SetDeadline(time.Now().Add(delay)); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
		})
	}
}

func TestConnDeadlineMoves(t *testing.T) {
	pairs(t, func(t *testing.T, a, b net.Conn) {
		if err := a.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := a.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		go func() {
			// Far later than the first deadline, whatever the scheduler does.
			timer := time.NewTimer(20 * time.Millisecond)
			<-timer.C
			b.Write([]byte("x"))
		}()
		if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("Read = %d, %v; the first deadline was replaced", n, err)
		}
	})
}

func TestConnCloseWakes(t *testing.T) {
	pairs(t, func(t *testing.T, a, b net.Conn) {
		var wg sync.WaitGroup
		started := make(chan struct{}, 3)
		for range 2 {
			wg.Go(func() {
				started <- struct{}{}
				if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read: %v, want net.ErrClosed", err)
				}
			})
		}
		wg.Go(func() {
			started <- struct{}{}
			for {
				if _, err := a.Write(make([]byte, 1<<16)); err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("Write: %v, want net.ErrClosed", err)
					}
					return
				}
			}
		})
		for range 3 {
			<-started
		}
		a.Close()
		wg.Wait()
		if _, err := io.Copy(io.Discard, b); err != nil {
			t.Errorf("the peer read up to %v", err)
		}
	})
}

func TestConnWritesDoNotMix(t *testing.T) {
	const writers, size = 4, 200_000
	pairs(t, func(t *testing.T, a, b net.Conn) {
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				if _, err := a.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
					t.Error(err)
				}
			})
		}
		buf := make([]byte, size)
		for range writers {
			if _, err := io.ReadFull(b, buf); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(buf, bytes.Repeat(buf[:1], size)) {
				t.Error("concurrent writes were mixed")
			}
		}
		wg.Wait()
	})
}

func TestConnEmpty(t *testing.T) {
	pairs(t, func(t *testing.T, a, _ net.Conn) {
		if n, err := a.Read(nil); n != 0 || err != nil {
			t.Errorf("Read(nil) = %d, %v", n, err)
		}
		if n, err := a.Write(nil); n != 0 || err != nil {
			t.Errorf("Write(nil) = %d, %v", n, err)
		}
	})
}

func TestConnRacingUse(t *testing.T) {
	pairs(t, func(t *testing.T, a, b net.Conn) {
		var wg sync.WaitGroup
		use := func(f func()) {
			wg.Go(func() {
				for range 200 {
					f()
				}
			})
		}
		buf := make([]byte, 1000)
		for range 2 {
			use(func() { a.Read(make([]byte, 1000)) })
			use(func() { b.Write(buf) })
			use(func() { b.SetWriteDeadline(time.Now().Add(10 * time.Microsecond)) })
			use(func() { a.SetReadDeadline(time.Now().Add(10 * time.Microsecond)) })
			use(func() { a.LocalAddr(); a.RemoteAddr() })
		}
		wg.Wait()
	})
}
