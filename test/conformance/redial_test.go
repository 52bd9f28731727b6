package conformance

import (
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// errorIsFinal lets one endpoint answer with ERROR and another close without a
// word, at a socket for which refusals are final. That our end comes back to
// the second one again and again shows that it has had the time to come back to
// the first.
func errorIsFinal(t *testing.T, at *env) {
	refusing, closing := at.listen(t), at.listen(t)
	c := dial(t, gozmq.Connect(refusing.endpoint, closing.endpoint), gozmq.WithStopWhenRefused())
	w := refusing.accept()
	w.write(rawzmtp.Greeting(3, 1, "NULL"), rawzmtp.Command("ERROR", "\x07go away"))
	w.wantClosed()
	again := refusing.count()
	testkit.Eventually(t, "the reason", func() bool {
		for i := range c.count(gozmq.EventHandshakeFailed) {
			e := c.await(t, gozmq.EventHandshakeFailed, i+1)
			if e.Endpoint == refusing.endpoint {
				wantReason(t, e, "go away")
				return true
			}
		}
		return false
	})
	for range 10 {
		closing.accept().close()
	}
	if n := again(); n > 0 {
		t.Errorf("our end has connected to who refused it %d times more", n)
	}
}

// count accepts and closes further connections; stop ends that and returns how
// many there were.
func (l *listener) count() (stop func() int) {
	n, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
			n++
		}
	}()
	return func() int {
		l.ln.Close()
		<-done
		return n
	}
}

func closeIsRedialed(t *testing.T, at *env) {
	if at.isLibzmq() {
		z := at.socket(t, "REP", nil)
		endpoint := z.bind(at.endpoint())
		c := dial(t, gozmq.Connect(endpoint))
		for i := range 3 {
			done := c.begin(testkit.Within(t), "hello")
			z.send(z.recv()...)
			wantReply(t, done, "hello")
			z.close()
			c.await(t, gozmq.EventDisconnected, i+1)
			z = at.rebind(t, "REP", endpoint).(*zmqSocket)
		}
		return
	}
	ln := at.listen(t)
	c := dial(t, gozmq.Connect(ln.endpoint))
	ln.accept().close() // before anything is said
	w := ln.accept()
	w.write(rawzmtp.Greeting(3, 1, "NULL")) // in the handshake
	w.close()
	for i := range 3 {
		w = ln.accept()
		w.shake("ROUTER", 1)
		done := c.begin(testkit.Within(t), "hello")
		w.write(rawzmtp.Message(w.message()...))
		wantReply(t, done, "hello")
		w.close()
		c.await(t, gozmq.EventDisconnected, i+1)
	}
}

func pausesGrow(t *testing.T, at *env) {
	const first, lasting = 20 * time.Millisecond, time.Second
	ln := at.listen(t)
	c := dial(t, gozmq.Connect(ln.endpoint), gozmq.WithReconnectBackoff(first, lasting))
	w := ln.accept()
	var last time.Duration // the shortest that the pause may have been
	for i := range 5 {
		start := time.Now()
		w.close()
		w = ln.accept()
		if last = first << i * 3 / 4; time.Since(start) < last-5*time.Millisecond {
			t.Errorf("attempt %d came after %v, want at least %v", i+2, time.Since(start), last)
		}
	}
	// Now it is 20 ms again. The machine may stall once for as long as last.
	var took time.Duration
	for i := range 4 {
		w.shake("ROUTER", 1)
		c.await(t, gozmq.EventConnected, i+1)
		time.Sleep(lasting)
		start := time.Now()
		w.close()
		w = ln.accept()
		if took = time.Since(start); took <= last {
			return
		}
	}
	t.Errorf("after a connection that lasted the next attempt came after %v, as if it had failed", took)
}
