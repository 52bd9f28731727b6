package stream

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"
)

var start = Credit{Messages: 64, Bytes: 64 << 10}

func receiver(b *Budget) *Receiver {
	r := new(Receiver)
	r.Init(start, b)
	return r
}

func TestReceiverKeepsOrder(t *testing.T) {
	r := receiver(nil)
	want := 0
	var limit Credit
	for i := range 1000 {
		body := bytes.Repeat([]byte{byte(i)}, i%300)
		if handOver, err := r.Push(body, time.Now()); handOver || err != nil {
			t.Fatal(i, handOver, err)
		}
		if i%3 == 0 {
			continue
		}
		for body, ok := r.Next(); ok; body, ok = r.Next() {
			if !bytes.Equal(body, bytes.Repeat([]byte{byte(want)}, want%300)) {
				t.Fatalf("message %d is %q", want, body)
			}
			want++
			if c, ok := r.Consumed(len(body)); ok {
				if c.Messages < limit.Messages || c.Bytes < limit.Bytes {
					t.Fatalf("credit has shrunk from %v to %v", limit, c)
				}
				limit = c
			}
		}
	}
	if want < 990 {
		t.Errorf("%d messages came", want)
	}
}

func TestReceiverHandsOverToWhoWaits(t *testing.T) {
	r := receiver(nil)
	if !r.Wait() {
		t.Fatal("an empty receiver does not wait")
	}
	if handOver, err := r.Push([]byte("x"), time.Now()); !handOver || err != nil {
		t.Fatal(handOver, err)
	}
	if r.GiveUp() {
		t.Error("gave up after the message")
	}
	if _, err := r.Push([]byte("y"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if r.Wait() {
		t.Error("waits beside a message")
	}
	if body, ok := r.Next(); !ok || string(body) != "y" {
		t.Errorf("%q, %v", body, ok)
	}
	if !r.Wait() || !r.GiveUp() {
		t.Error("cannot give up")
	}
	if r.Close() {
		t.Error("nobody waits")
	}
	if r.Wait() {
		t.Error("waits after the end")
	}
}

// TestReceiverBeyondCredit: the last byte of credit lets any message through, and
// nothing goes through without.
func TestReceiverBeyondCredit(t *testing.T) {
	r := receiver(nil)
	for _, size := range []int{start64 - 1, 10 * start64} {
		if _, err := r.Push(make([]byte, size), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Push(nil, time.Now()); !errors.Is(err, ErrCredit) {
		t.Errorf("got %v", err)
	}
	r = receiver(nil)
	for range start.Messages {
		if _, err := r.Push(nil, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Push(nil, time.Now()); !errors.Is(err, ErrCredit) {
		t.Errorf("got %v", err)
	}
}

const start64 = 64 << 10

// TestReceiverGrantsAfterLargeMessage: one message larger than the window does not
// stop the stream.
func TestReceiverGrantsAfterLargeMessage(t *testing.T) {
	r := receiver(nil)
	for range 5 {
		if _, err := r.Push(make([]byte, 1<<20), time.Now()); err != nil {
			t.Fatal(err)
		}
		body, _ := r.Next()
		if c, ok := r.Consumed(len(body)); !ok || c.Bytes != r.used.Bytes+r.size.Bytes || c.Bytes <= r.used.Bytes {
			t.Fatalf("%v, %v", c, ok)
		}
	}
}

func TestSender(t *testing.T) {
	var s Sender
	s.Init(Credit{2, 10})
	s.Sent(9)
	if !s.Ready() {
		t.Error("one byte is left")
	}
	s.Sent(100)
	s.Grant(Credit{Messages: 5})
	if s.Ready() || s.Look() {
		t.Error("no byte is left")
	}
	s.Grant(Credit{Bytes: 110})
	if s.Ready() {
		t.Error("the grant was not looked at")
	}
	if !s.Look() || !s.Ready() || s.Messages() != 2 {
		t.Error("one byte is left again")
	}
	s.Grant(Credit{1, 1}) // shrinks nothing
	if !s.Look() {
		t.Error("credit has shrunk")
	}
}

// A line is a stream over a simulated line: the sender sends whenever it has
// credit, each message takes pause at least, and either way takes half of rtt.
type line struct {
	rtt, pause time.Duration
	size       int
	slow       time.Duration // the program takes that long for a message
}

// run receives n messages and returns the window at the end.
func (l line) run(n int, b *Budget) Credit {
	r := receiver(b)
	type grant struct {
		at time.Time
		c  Credit
	}
	var s Sender
	s.Init(start)
	now := time.Unix(1000, 0)
	grants := []grant{}
	sendAt, free := now, now
	for range n {
		for !s.Look() {
			g := grants[0]
			grants = grants[1:]
			s.Grant(g.c)
			if g.at.After(sendAt) {
				sendAt = g.at
			}
		}
		s.Sent(l.size)
		arrives := sendAt.Add(l.rtt / 2)
		sendAt = sendAt.Add(l.pause)
		if !free.After(arrives) {
			r.Wait()
		}
		if handOver, err := r.Push(make([]byte, l.size), arrives); err != nil {
			panic(err)
		} else if !handOver {
			r.Next()
		}
		if arrives.After(free) {
			free = arrives
		}
		free = free.Add(l.slow)
		if c, ok := r.Consumed(l.size); ok {
			grants = append(grants, grant{free.Add(l.rtt / 2), c})
		}
	}
	defer r.Close()
	return r.size
}

func TestWindowGrowth(t *testing.T) {
	for _, c := range []struct {
		line
		least, most Credit
	}{
		{line{rtt: 100 * time.Millisecond, pause: 10 * time.Microsecond, size: 1000}, Credit{8192, 8 << 20}, Largest},
		{line{rtt: 100 * time.Millisecond, pause: time.Millisecond, size: 1000}, Credit{128, 128 << 10}, Credit{512, 512 << 10}},
		{line{rtt: time.Millisecond, pause: 10 * time.Millisecond, size: 64}, start, start},
		{line{rtt: 100 * time.Millisecond, pause: 10 * time.Microsecond, size: 1000, slow: 10 * time.Millisecond}, start, start},
		{line{rtt: 100 * time.Millisecond, pause: 100 * time.Microsecond, size: 64 << 10}, Credit{64, 16 << 20}, Largest},
	} {
		t.Run(fmt.Sprintf("%+v", c.line), func(t *testing.T) {
			got := c.run(30000, nil)
			if got.Messages < c.least.Messages || got.Bytes < c.least.Bytes || got.Messages > c.most.Messages || got.Bytes > c.most.Bytes {
				t.Errorf("the window is %+v, want %+v to %+v", got, c.least, c.most)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	b := NewBudget(192 << 10)
	got := line{rtt: 100 * time.Millisecond, pause: 10 * time.Microsecond, size: 1000}.run(20000, b)
	if got.Bytes != 256<<10 {
		t.Errorf("the window is %+v", got)
	}
	if left := b.left.Load(); left != 192<<10 {
		t.Errorf("%d bytes are left in the end", left)
	}
}

// TestShareBoundsWhatIsUnread: what is queued beyond the window is taken from the
// connection's share, which leaves as much to others, and is given back.
func TestShareBoundsWhatIsUnread(t *testing.T) {
	b := NewBudget(1 << 20)
	one, other := NewShare(b), NewShare(b)
	open := func(s *Share) *Receiver {
		r := receiver(nil)
		r.Share(s)
		return r
	}
	large := make([]byte, 300<<10)
	push := func(r *Receiver, want error) {
		t.Helper()
		if _, err := r.Push(large, time.Now()); !errors.Is(err, want) {
			t.Errorf("Push: %v, want %v", err, want)
		}
	}
	first, second, third := open(one), open(one), open(other)
	push(first, nil)
	push(second, nil)
	push(open(one), ErrUnread) // more than is left
	push(third, nil)
	push(open(other), ErrUnread)
	first.Next()
	first.Next() // the queue is empty: its memory is given back
	second.Discard()
	third.Discard()
	if left := b.left.Load(); left != 1<<20 || one.used.Load() != 0 || other.used.Load() != 0 {
		t.Errorf("%d bytes are left, %d and %d are taken", left, one.used.Load(), other.used.Load())
	}
	waiting := open(one)
	waiting.Wait()
	if handOver, err := waiting.Push(make([]byte, 4<<20), time.Now()); !handOver || err != nil {
		t.Errorf("a message that is handed over: %v, %v", handOver, err)
	}
}

// TestQueueKeepsBodies: bodies of all sizes come out as they went in, whatever
// pieces of memory they are in.
func TestQueueKeepsBodies(t *testing.T) {
	sizes := []int{0, 1, 100, 4000, 4096, 100 << 10, 128 << 10, 1 << 20, 2 << 20, 5}
	var q queue
	for round := range 3 {
		for i, size := range sizes {
			q.push(bytes.Repeat([]byte{byte(i + round)}, size))
		}
		for i, size := range sizes {
			if q.empty() {
				t.Fatalf("empty before body %d", i)
			}
			if body := q.next(); !bytes.Equal(body, bytes.Repeat([]byte{byte(i + round)}, size)) {
				t.Fatalf("body %d of %d bytes came as %d bytes", i, size, len(body))
			}
		}
		if !q.empty() {
			t.Fatal("not empty at the end")
		}
		q.free()
	}
}

// TestQueueTakesLittleMoreThanBodies: a queue of bodies of any size takes not much
// more memory than the bodies.
func TestQueueTakesLittleMoreThanBodies(t *testing.T) {
	for size := 1 << 10; size < 4<<20; size += size / 3 {
		var q queue
		for bodies := 0; bodies < 8<<20; bodies += size {
			q.push(make([]byte, size))
		}
		room := 0
		for p := q.first; p != nil; p = p.next {
			room += cap(p.b)
		}
		if room > q.size+q.size/2 {
			t.Errorf("bodies of %d bytes: %d bytes take %d", size, q.size, room)
		}
		q.free()
	}
}

// BenchmarkQueue is a queue that is filled with a window's bytes, and emptied.
func BenchmarkQueue(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			body := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var q queue
			for n := 0; n < b.N; {
				for held := 0; held < 4<<20; held += size {
					q.push(body)
				}
				for ; !q.empty(); n++ {
					q.next()
				}
				q.free()
			}
		})
	}
}

// TestWindowHasRoomForLargeMessages: a window grows until it has room for some of
// the messages that are consumed, however busy both sides are, and no further.
func TestWindowHasRoomForLargeMessages(t *testing.T) {
	const size = 64 << 10
	r := receiver(NewBudget(1 << 20))
	body := make([]byte, size)
	at := time.Now()
	for range 100 {
		if _, err := r.Push(body, at); err != nil {
			t.Fatal(err)
		}
		if got, ok := r.Next(); !ok || len(got) != size {
			t.Fatal(len(got), ok)
		}
		r.Consumed(size)
	}
	if r.size.Bytes != roomFor*size {
		t.Errorf("the window is %d bytes", r.size.Bytes)
	}
}

// TestReceiverTakesRuns: a run is queued in order, as far as the credit goes, and
// not at all where Push has more to do than to queue.
func TestReceiverTakesRuns(t *testing.T) {
	next := func(b []byte) (body []byte, n int) { // bodies of one byte, up to a dot
		if len(b) == 0 || b[0] == '.' {
			return nil, 0
		}
		return b[:1], 1
	}
	r := receiver(nil)
	if n, messages := r.PushRun([]byte("abc.d"), next, time.Now()); n != 3 || messages != 3 {
		t.Errorf("took %d bytes, %d messages", n, messages)
	}
	if n, _ := r.PushRun([]byte(".d"), next, time.Now()); n != 0 {
		t.Errorf("took %d bytes before a message of another kind", n)
	}
	if n, _ := r.PushRun(bytes.Repeat([]byte("x"), 100), next, time.Now()); n != 61 || r.Got() != (Credit{64, 64}) {
		t.Errorf("took %d more within the credit, %+v in all", n, r.Got())
	}
	for _, want := range "abcx" {
		if body, ok := r.Next(); !ok || string(body) != string(want) {
			t.Errorf("got %q, want %q", body, want)
		}
	}
	waits := receiver(nil)
	waits.Wait()
	closed := receiver(nil)
	closed.Close()
	for _, r := range []*Receiver{waits, closed} {
		if n, _ := r.PushRun([]byte("a"), next, time.Now()); n != 0 {
			t.Errorf("took %d bytes", n)
		}
	}
	large := func(b []byte) ([]byte, int) { return make([]byte, 60<<10), 1 }
	shared := receiver(nil)
	shared.Share(NewShare(NewBudget(1)))
	if n, _ := shared.PushRun([]byte("ab"), large, time.Now()); n != 1 {
		t.Errorf("took %d messages, of which one goes beyond the window", n)
	}
}
