package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// known reports whether the registry remembers the name.
func known(name string) bool {
	inprocNames.mu.Lock()
	defer inprocNames.mu.Unlock()
	_, ok := inprocNames.names[name]
	return ok
}

func TestInprocDialBeforeBind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mustBind(t, "inproc://later")
		const dialers = 5
		var wg sync.WaitGroup
		for range dialers {
			wg.Go(func() {
				c, err := e.Dial(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				c.Close()
			})
		}
		synctest.Wait() // all of them wait for the name
		l, err := e.Listen()
		if err != nil {
			t.Fatal(err)
		}
		for range dialers {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		wg.Wait()
		l.Close()
	})
	if known("later") {
		t.Error("the name is still remembered")
	}
}

func TestInprocDialTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c, err := mustBind(t, "inproc://nobody").Dial(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial = %v, %v; want context.DeadlineExceeded", c, err)
		}
	})
	if known("nobody") {
		t.Error("the name is still remembered")
	}
}

func TestInprocBacklog(t *testing.T) {
	l := mustListen(t, "inproc://"+t.Name())
	var clients []net.Conn
	for range backlog {
		c, err := l.Endpoint().Dial(testkit.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	one := make(chan error)
	go func() {
		_, err := l.Endpoint().Dial(ctx)
		one <- err
	}()
	cancel()
	if err := <-one; !errors.Is(err, context.Canceled) {
		t.Errorf("a dial beyond the backlog ended with %v, want context.Canceled", err)
	}
	l.Close()
	for _, c := range clients {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("a connection that was never accepted reads %v, want io.EOF", err)
		}
	}
}

func TestInprocAddr(t *testing.T) {
	l := mustListen(t, "inproc://addr")
	client, server := connect(t, l)
	for _, a := range []net.Addr{client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr()} {
		if a.Network() != "inproc" || a.String() != "inproc://addr" {
			t.Errorf("address %s %s, want inproc inproc://addr", a.Network(), a)
		}
	}
}

// TestInprocChurn binds, dials and closes the same name from many goroutines:
// every dial must end with a connection, and nothing may be left over.
func TestInprocChurn(t *testing.T) {
	e := mustBind(t, "inproc://"+t.Name())
	ctx, cancel := context.WithCancel(context.Background())
	var binders, dialers sync.WaitGroup
	for range 2 {
		binders.Go(func() { rebind(ctx, e) })
	}
	for range 4 {
		dialers.Go(func() {
			for range 100 {
				c, err := e.Dial(testkit.Within(t))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, c); err != nil {
					t.Error(err)
				}
				c.Close()
			}
		})
	}
	dialers.Wait()
	cancel()
	binders.Wait()
	if known(e.addr) {
		t.Error("the name is still remembered")
	}
}

// rebind binds e again and again until ctx ends, each time for five peers.
func rebind(ctx context.Context, e Endpoint) {
	for ctx.Err() == nil {
		l, err := e.Listen()
		if err != nil {
			runtime.Gosched() // the other one has it
			continue
		}
		stop := context.AfterFunc(ctx, func() { l.Close() })
		for range 5 {
			c, err := l.Accept()
			if err != nil {
				break
			}
			fmt.Fprint(c, "x")
			c.Close()
		}
		stop()
		l.Close()
	}
}
