package soak

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// spareReaders is how many goroutines a server keeps that have read a connection.
const spareReaders = 64

// TestMillionStreams has hostile connections open streams and cancel them at once,
// with -hostile a million in all. Every one is read, nothing of them is left, and a
// good client is served meanwhile.
func TestMillionStreams(t *testing.T) {
	const conns = 20
	each := 1000
	if *hostileFor > 0 {
		each = 1_000_000 / conns
	}
	v := newServerVictim(t)
	v.serve(t, 50)
	before, goroutines := takings(t), runtime.NumGoroutine()
	begin := time.Now()
	var attack sync.WaitGroup
	for range conns {
		attack.Go(func() {
			if err := churn(strings.TrimPrefix(v.addr, "tcp://"), each); err != nil {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { attack.Wait(); cancel() }()
	var took []time.Duration
	most := runtime.NumGoroutine()
	for len(took) == 0 || ctx.Err() == nil {
		start := time.Now()
		v.serve(t, 1)
		took = append(took, time.Since(start))
		most = max(most, runtime.NumGoroutine())
	}
	all := time.Since(begin)
	slices.Sort(took)
	t.Logf("%d streams opened and canceled on %d connections in %v; meanwhile %d calls of a good client: median %v, 99 %% %v, longest %v; at most %d goroutines more",
		conns*each, conns, all, len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1], most-goroutines)
	wantBack(t, "goroutines", goroutines+spareReaders, runtime.NumGoroutine)
	if grown := (takings(t).bytes - before.bytes) >> 20; grown > 32 {
		t.Errorf("%d MiB more are in use", grown)
	}
	v.serve(t, 50)
}

// churn opens n streams and cancels each, then makes a call behind them and waits
// for its answer.
func churn(addr string, n int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	written := make(chan error, 1)
	go func() {
		b := rawzmtp.Hello("DEALER")
		for i := range n {
			if b = append(b, openAndCancel(fmt.Sprint(i))...); len(b) < 8<<10 {
				continue
			}
			if _, err := c.Write(b); err != nil {
				written <- err
				return
			}
			b = b[:0]
		}
		_, err := c.Write(append(b, rawzmtp.Message("the end", "", echoMethod.Procedure, aBody(1))...))
		written <- err
	}()
	var tail []byte
	buf := make([]byte, 64<<10)
	for !strings.Contains(string(tail), "the end") {
		m, err := c.Read(buf)
		if err != nil {
			return fmt.Errorf("the server ended the connection: %w", err)
		}
		tail = append(tail[max(0, len(tail)-len("the end")):], buf[:m]...)
	}
	return <-written
}
