package socket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A testQueue is a queue of a BatchPull that a goroutine waits at, and its
// receiver. It has room for a number of messages; beyond it the reader has to
// wait.
type testQueue struct {
	*Iterator
	pull  *BatchPull
	ready notify.Token

	mu       sync.Mutex
	room     int
	messages []string
	taken    chan struct{} // set when messages were taken
	led      int           // times that the iterator has read
}

func newTestQueue(t *testing.T, room int) (*testQueue, *recorder, transport.Endpoint) {
	t.Helper()
	events := newRecorder()
	q := &testQueue{ready: notify.NewToken(), room: room, taken: make(chan struct{}, 1)}
	q.pull = NewBatchPull(testConfig(zmtp.Pull, events), q)
	q.Iterator = q.pull.Iterator(q.ready)
	closing(t, q.pull.Shutdown)
	return q, events, bind(t, q.pull.Links(), tcp)
}

func (q *testQueue) Receive(c *link.Conn, b *link.Batch) {
	if rest := q.TryReceive(c, b); rest != nil {
		rest()
	}
}

func (q *testQueue) TryReceive(c *link.Conn, b *link.Batch) (rest func()) {
	for i := range b.Len() {
		if !q.put(string(b.Message(i)[0])) {
			return func() { q.putRest(c, b, i) }
		}
	}
	return nil
}

func (q *testQueue) putRest(c *link.Conn, b *link.Batch, from int) {
	for i := from; i < b.Len(); i++ {
		for m := string(b.Message(i)[0]); !q.put(m); {
			if !c.WaitPaused(q.taken, c.Closed()) {
				return
			}
		}
	}
}

func (q *testQueue) put(m string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) >= q.room {
		return false
	}
	q.messages = append(q.messages, m)
	q.ready.Set()
	q.Wake()
	return true
}

func (q *testQueue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages) == 0
}

// take waits for messages, as a queue's iteration does.
func (q *testQueue) take(ctx context.Context) ([]string, error) {
	defer context.AfterFunc(ctx, q.Wake)()
	for {
		q.mu.Lock()
		got := q.messages
		q.messages = nil
		q.mu.Unlock()
		if len(got) > 0 {
			notify.Token(q.taken).Set()
			return got, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if q.Lead(q.room, func() bool { return ctx.Err() == nil && q.empty() }) {
			q.led++
			continue
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
		}
		q.Leave()
	}
}

// pingPong sends messages one by one, each when the one before was taken, until the
// iterator has read n times itself. It returns how many it has sent.
func (q *testQueue) pingPong(t *testing.T, p *zmtptest.Peer, number, n int) int {
	t.Helper()
	for want := q.led + n; q.led < want; number++ {
		p.Send(zmtptest.Message(strconv.Itoa(number)))
		if got, err := q.take(testkit.Within(t)); err != nil || !slices.Equal(got, []string{strconv.Itoa(number)}) {
			t.Fatalf("took %q, %v; want %d", got, err, number)
		}
	}
	return number
}

// reads says who reads the only connection of a socket.
func reads(r *readers) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.conns) != 1:
		return fmt.Sprint(len(r.conns), " connections")
	case r.conns[0].background:
		return "background"
	case r.conns[0].leader != nil:
		return "iterator"
	}
	return "nobody"
}

func awaitReader(t *testing.T, r *readers, want string) {
	t.Helper()
	for limit := time.Now().Add(testkit.Patience()); reads(r) != want; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(limit) {
			t.Fatalf("the reader is %s, want %s", reads(r), want)
		}
	}
}

// TestIteratorReads checks that an iterator reads while messages come often,
// that the connection is read while it is away, and by the background while
// nothing comes.
func TestIteratorReads(t *testing.T) {
	q, _, ep := newTestQueue(t, 100)
	p := zmtptest.DialAs(t, ep, "PUSH")
	n := q.pingPong(t, p, 0, 20)
	awaitReader(t, &q.pull.readers, "background") // the iterator is away
	n = q.pingPong(t, p, n, 5)

	got := make(chan string)
	go func() {
		list, _ := q.take(testkit.Within(t))
		got <- strings.Join(list, " ")
	}()
	awaitReader(t, &q.pull.readers, "background") // the iterator waits, and nothing comes
	p.Send(zmtptest.Message(strconv.Itoa(n)))
	if m := testkit.Receive(t, got, "a message"); m != strconv.Itoa(n) {
		t.Errorf("took %q, want %d", m, n)
	}
}

// TestIteratorLeaves cancels an iterator that reads, or waits, at any moment:
// nothing is lost, nor comes twice.
func TestIteratorLeaves(t *testing.T) {
	const messages = 20_000
	q, _, ep := newTestQueue(t, 50)
	p := zmtptest.DialAs(t, ep, "PUSH")
	go func() {
		for n := 0; n < messages; {
			var b []byte
			for range 1 + rand.IntN(min(100, messages-n)) {
				b = append(b, zmtptest.Message(strconv.Itoa(n))...)
				n++
			}
			p.Send(b)
			if rand.IntN(8) == 0 {
				time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			}
		}
	}()
	left := 0
	for n := 0; n < messages; {
		ctx, cancel := context.WithCancel(testkit.Within(t))
		timer := time.AfterFunc(time.Duration(rand.IntN(200))*time.Microsecond, cancel)
		got, err := q.take(ctx)
		timer.Stop()
		cancel()
		if testkit.Within(t).Err() != nil || err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err != nil {
			left++
		}
		for _, m := range got {
			if m != strconv.Itoa(n) {
				t.Fatalf("took %q, want %d", m, n)
			}
			n++
		}
	}
	t.Logf("the iterator has read %d times and left %d times", q.led, left)
}

// TestIteratorWithSecondConnection checks that an iterator stops reading when
// there is a second connection, so that neither waits for the other, and
// reads again afterwards.
func TestIteratorWithSecondConnection(t *testing.T) {
	q, events, ep := newTestQueue(t, 1000)
	first := zmtptest.DialAs(t, ep, "PUSH")
	n := q.pingPong(t, first, 0, 10)
	got := make(chan string)
	go func() {
		list, _ := q.take(testkit.Within(t))
		got <- strings.Join(list, " ")
	}()
	second := zmtptest.DialAs(t, ep, "PUSH")
	events.await(t, link.Connected, 2)
	second.Send(zmtptest.Message("second"))
	if m := testkit.Receive(t, got, "a message"); m != "second" {
		t.Errorf("took %q", m)
	}
	for range 50 {
		first.Send(zmtptest.Message("a"))
		second.Send(zmtptest.Message("b"))
		for have := 0; have < 2; {
			list, err := q.take(testkit.Within(t))
			if err != nil {
				t.Fatal(err)
			}
			have += len(list)
		}
	}
	second.Close()
	events.await(t, link.Disconnected, 1)
	q.pingPong(t, first, n, 10)
}

// TestIteratorReadsToTheEnd ends a connection that an iterator reads: what was sent
// before comes, and the socket goes on with the next connection.
func TestIteratorReadsToTheEnd(t *testing.T) {
	q, events, ep := newTestQueue(t, 1000)
	for round := range 5 {
		p := zmtptest.DialAs(t, ep, "PUSH")
		q.pingPong(t, p, 0, 5)
		p.Send(append(zmtptest.Message("last"), zmtptest.Message("torn")[:3]...))
		p.Close()
		if got, err := q.take(testkit.Within(t)); err != nil || len(got) != 1 || got[0] != "last" {
			t.Fatalf("round %d: took %q, %v", round, got, err)
		}
		events.await(t, link.Disconnected, round+1)
	}
}

// TestCloseWhileIteratorReads shuts a socket down under an iterator.
func TestCloseWhileIteratorReads(t *testing.T) {
	for range 20 {
		q, _, ep := newTestQueue(t, 1000)
		p := zmtptest.DialAs(t, ep, "PUSH")
		q.pingPong(t, p, 0, 3)
		ctx, cancel := context.WithCancel(testkit.Within(t))
		left := make(chan error)
		go func() {
			_, err := q.take(ctx)
			left <- err
		}()
		time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond)
		closing, stop := context.WithTimeout(testkit.Within(t), time.Duration(rand.IntN(10))*time.Millisecond)
		_ = q.pull.Shutdown(closing)
		stop()
		cancel()
		if err := testkit.Receive(t, left, "the end of the iterator"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// TestIteratorsTakeTurns has two queues wait at one connection: whichever
// reads, each gets its own messages at once.
func TestIteratorsTakeTurns(t *testing.T) {
	events := newRecorder()
	s := &splitter{make(map[string]*testQueue)}
	pull := NewBatchPull(testConfig(zmtp.Pull, events), s)
	closing(t, pull.Shutdown)
	p := zmtptest.DialAs(t, bind(t, pull.Links(), tcp), "PUSH")
	echo := make(chan string, 10)
	ctx, cancel := context.WithCancel(testkit.Within(t))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for _, name := range []string{"a", "b"} {
		q := &testQueue{pull: pull, ready: notify.NewToken(), room: 100, taken: make(chan struct{}, 1)}
		q.Iterator = pull.Iterator(q.ready)
		s.queues[name] = q
	}
	for _, q := range s.queues {
		wg.Go(func() {
			for {
				list, err := q.take(ctx)
				if err != nil {
					return
				}
				for _, m := range list {
					echo <- m
				}
			}
		})
	}
	for i := range 3000 {
		name := string(rune('a' + rand.IntN(2)))
		p.Send(zmtptest.Message(name + strconv.Itoa(i)))
		if m := testkit.Receive(t, echo, "a message"); m != name+strconv.Itoa(i) {
			t.Fatalf("got %q, want %s%d", m, name, i)
		}
	}
	cancel()
	wg.Wait()
	t.Logf("iterators have read %d and %d times", s.queues["a"].led, s.queues["b"].led)
}

// A splitter gives each message to the queue that its first letter names.
type splitter struct{ queues map[string]*testQueue }

func (s *splitter) Receive(c *link.Conn, b *link.Batch) { s.TryReceive(c, b) }

func (s *splitter) TryReceive(_ *link.Conn, b *link.Batch) func() {
	for i := range b.Len() {
		m := string(b.Message(i)[0])
		s.queues[m[:1]].put(m)
	}
	return nil
}
