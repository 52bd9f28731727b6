package gozmqtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func TestProxyPassesBytesOn(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.must(l.WaitBytes(testkit.Within(t), gozmqtest.ToTarget, 4))
	l.must(l.WaitBytes(testkit.Within(t), gozmqtest.ToClient, 5))
	if up, down := l.Bytes(gozmqtest.ToTarget), l.Bytes(gozmqtest.ToClient); up != 4 || down != 5 {
		t.Errorf("counted %d and %d bytes, want 4 and 5", up, down)
	}
	if l.Connections() != 1 || l.Open() != 1 {
		t.Errorf("counted %d connections and %d open, want 1 and 1", l.Connections(), l.Open())
	}
}

// A side that closes for writing hears what the other one still has to say.
func TestProxyHalfClose(t *testing.T) {
	l := newLine(t).connect()
	l.send(l.near, "last")
	l.must(l.near.CloseWrite())
	l.want(l.target, "last")
	l.wantErr(l.target, io.EOF)
	l.send(l.target, "answer")
	l.must(l.target.Close())
	l.want(l.near, "answer")
	l.wantErr(l.near, io.EOF)
	l.must(l.WaitOpen(testkit.Within(t), 0))
}

func TestProxyPassesResetOn(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.must(l.near.SetLinger(0))
	l.must(l.near.Close())
	l.wantErr(l.target, syscall.ECONNRESET)
	l.must(l.WaitOpen(testkit.Within(t), 0))
}

func TestProxyReset(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.Reset()
	l.wantErr(l.near, syscall.ECONNRESET)
	l.wantErr(l.target, syscall.ECONNRESET)
	l.must(l.WaitOpen(testkit.Within(t), 0))
	l.connect().works()
	if l.Connections() != 2 {
		t.Errorf("counted %d connections, want 2", l.Connections())
	}
}

func TestProxyCut(t *testing.T) {
	for _, n := range []int{0, 1, 5, 10} {
		l := newLine(t)
		cut := l.Cut(gozmqtest.ToTarget, n)
		l.connect()
		l.send(l.target, "early")
		l.want(l.near, "early")
		l.send(l.near, "0123456789")
		got, err := io.ReadAll(l.target)
		if string(got) != "0123456789"[:n] || err != nil {
			t.Errorf("cut after %d: the target got %q, %v", n, got, err)
		}
		<-cut
		l.wantErr(l.near, syscall.ECONNRESET)
		l.must(l.target.Close())
		l.must(l.WaitOpen(testkit.Within(t), 0))
		l.connect().works() // it happens once
	}
}

// A side that is cut off may still write; no one hears it.
func TestProxyCutThenAnswer(t *testing.T) {
	l := newLine(t)
	l.Cut(gozmqtest.ToTarget, 1)
	l.connect()
	l.send(l.near, "01")
	l.want(l.target, "0")
	l.wantErr(l.target, io.EOF)
	l.wantErr(l.near, syscall.ECONNRESET)
	l.send(l.target, strings.Repeat("x", 100_000))
	if l.Bytes(gozmqtest.ToClient) != 0 {
		t.Errorf("%d bytes were passed on", l.Bytes(gozmqtest.ToClient))
	}
}

func TestProxyStallAndResume(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.Stall()
	l.send(l.near, "a") // may pass: the proxy was reading
	l.want2(l.target, "a")
	l.send(l.near, "b")
	l.wantSilence(l.target)
	second := l.dial()
	l.must(l.WaitConnections(testkit.Within(t), 2))
	l.send(second, "c")
	l.Resume()
	l.want(l.target, "b")
	l.near, l.target = second, l.accept()
	l.want(l.target, "c")
	l.works()
}

// A stalled proxy does not read, so that its peers are held up.
func TestProxyStallHoldsUp(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.Stall(gozmqtest.ToTarget)
	l.must(l.near.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)))
	sent, err := io.Copy(l.near, io.LimitReader(zeros{}, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("sent %d bytes, %v, want to be held up", sent, err)
	}
	t.Logf("%d KiB were on their way", sent>>10)
	l.send(l.target, "down")
	l.want(l.near, "down")
	l.Resume()
	if got, err := io.CopyN(io.Discard, l.target, sent); err != nil {
		t.Errorf("got %d of %d bytes, %v", got, sent, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestProxySplit(t *testing.T) {
	l := newLine(t)
	l.Split(1)
	l.Delay(time.Millisecond, gozmqtest.ToTarget)
	l.connect()
	const text = "0123456789"
	l.send(l.near, text)
	var got []byte
	for reads := 0; len(got) < len(text); reads++ {
		b := make([]byte, len(text))
		n, err := l.target.Read(b)
		l.must(err)
		got = append(got, b[:n]...)
	}
	if string(got) != text {
		t.Errorf("got %q", got)
	}
	l.Split(0)
	l.Delay(0)
	l.works()
}

func TestProxyDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	l := newLine(t).connect()
	l.works()
	l.Delay(delay)
	start := time.Now()
	l.works()
	if took := time.Since(start); took < 2*delay {
		t.Errorf("there and back took %v, want at least %v", took, 2*delay)
	}
}

func TestProxyDrop(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.Drop(true, gozmqtest.ToTarget)
	l.send(l.near, "lost")
	l.wantSilence(l.target)
	l.send(l.target, "down")
	l.want(l.near, "down")
	l.Drop(false, gozmqtest.ToTarget)
	l.send(l.near, "lost too: it would leave a hole")
	l.wantSilence(l.target)
	l.must(l.near.Close())
	l.wantSilence(l.target) // not even an end
	l.connect().works()
}

// When both sides have given a dead connection up, so does the proxy.
func TestProxyForgetsDropped(t *testing.T) {
	l := newLine(t).connect()
	l.works()
	l.Drop(true)
	l.must(l.near.Close())
	l.must(l.target.Close())
	l.must(l.WaitOpen(testkit.Within(t), 0))
}

func TestProxyRefuse(t *testing.T) {
	l := newLine(t)
	l.Refuse(true)
	l.wantRefused()
	l.Refuse(false)
	l.connect().works()
	if l.Connections() != 1 {
		t.Errorf("counted %d connections, want 1", l.Connections())
	}
}

// Without a target connections end; another target can be set.
func TestProxyTarget(t *testing.T) {
	l := newLine(t)
	l.SetTarget("tcp://127.0.0.1:1")
	l.wantRefused()
	l.SetTarget("tcp://" + l.listener.Addr().String())
	l.connect().works()
}

func TestProxyWaitEnds(t *testing.T) {
	l := newLine(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range map[string]error{
		"0 of 1 connections":             l.WaitConnections(ctx, 1),
		"0 connections are open, not 1":  l.WaitOpen(ctx, 1),
		"0 of 1 bytes were passed on":    l.WaitBytes(ctx, gozmqtest.ToTarget, 1),
		"0 of 2 bytes were passed on":    l.WaitBytes(ctx, gozmqtest.ToClient, 2),
		"proxy: context canceled: 0 of ": l.WaitConnections(ctx, 2),
	} {
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %q", err, what)
		}
	}
}

// A proxy ends, whatever its connections are doing.
func TestProxyCloses(t *testing.T) {
	faults := map[string]func(l *line){
		"idle":    func(l *line) {},
		"stalled": func(l *line) { l.Stall() },
		"delayed": func(l *line) { l.Delay(time.Hour) },
		"dropped": func(l *line) { l.Drop(true) },
		"held up": func(l *line) { l.send(l.near, strings.Repeat("x", 30_000)) },
		"cut":     func(l *line) { l.Cut(gozmqtest.ToTarget, 2) },
		"ended":   func(l *line) { l.must(l.near.CloseWrite()) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			l := newLine(t).connect()
			l.works()
			fault(l)
			if name != "ended" {
				l.send(l.near, "more")
			}
			l.dial()
		})
	}
}

// echo sends everything back until the listener closes.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}()
	}
}

// All at once, for the race detector.
func TestProxyConcurrently(t *testing.T) {
	l := newLine(t)
	go echo(l.listener)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				c, err := l.tryDial()
				if err != nil {
					continue // reset while it was dialed
				}
				_, _ = c.Write(bytes.Repeat([]byte("x"), 1000))
				_ = c.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
		})
	}
	wg.Go(func() {
		for i := range 200 {
			switch i % 5 {
			case 0:
				l.Stall()
			case 1:
				l.Resume()
			case 2:
				l.Reset()
			case 3:
				l.Split(i % 100)
			case 4:
				l.Cut(gozmqtest.Direction(i%2), i)
			}
			l.Bytes(gozmqtest.ToClient)
		}
		l.Resume()
	})
	wg.Wait()
	l.must(l.WaitConnections(testkit.Within(t), 80))
	l.must(l.WaitOpen(testkit.Within(t), 0))
}

func TestProxyHeal(t *testing.T) {
	l := newLine(t)
	l.Stall()
	l.Drop(true)
	l.Split(1)
	l.Delay(time.Hour)
	l.Refuse(true)
	l.Cut(gozmqtest.ToTarget, 1)
	l.Heal()
	l.connect().works()
}
