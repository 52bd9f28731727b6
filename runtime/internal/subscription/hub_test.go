package subscription

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A fakeSocket counts subscriptions.
type fakeSocket struct {
	prefixes map[string]int
	peers    int
}

func (s *fakeSocket) Subscribe(prefix []byte) { s.prefixes[string(prefix)]++ }
func (s *fakeSocket) Peers() int              { return s.peers }

func (s *fakeSocket) Together(f func()) { f() }

func (s *fakeSocket) Cancel(prefix []byte) {
	if s.prefixes[string(prefix)]--; s.prefixes[string(prefix)] == 0 {
		delete(s.prefixes, string(prefix))
	}
}

// A literal is the pattern of all topics that begin with it; one that ends with
// ! is conflated.
type literal string

func (l literal) Prefix() string { return strings.TrimSuffix(string(l), "!") }
func (l literal) Matches(topic []byte) bool {
	return bytes.HasPrefix(topic, []byte(l.Prefix()))
}
func (l literal) Conflated() bool { return strings.HasSuffix(string(l), "!") }
func (l literal) AppendSegments(list []Segment) []Segment {
	return append(list, Segment{l.Prefix(), rest{}}, Segment{})
}
func (l literal) String() string { return string(l) }

func literals(list ...literal) (patterns []Pattern) {
	for _, l := range list {
		patterns = append(patterns, l)
	}
	return patterns
}

// rest is an open field that takes everything.
type rest struct{}

func (rest) Len(topic []byte) int { return len(topic) }

// A testConn is a connection that never waits.
type testConn struct {
	fakeConn
	malformed []error
}

func (c *testConn) WaitPaused(_, _ <-chan struct{}) bool { panic("a queue is full") }

func (c *testConn) Malformed(format string, args ...any) {
	c.malformed = append(c.malformed, fmt.Errorf(format, args...))
}

// A testBatch has messages, each a list of frames.
type testBatch [][][]byte

func (b testBatch) Len() int               { return len(b) }
func (b testBatch) Message(i int) [][]byte { return b[i] }
func (b testBatch) Run(int) ([]byte, int)  { return nil, 0 }

// message is a batch of one message.
func message(frames ...string) testBatch {
	var list [][]byte
	for _, f := range frames {
		list = append(list, []byte(f))
	}
	return testBatch{list}
}

// sequencedHeader is a header of publisher 1.
func sequencedHeader(n uint64) string {
	h := wire.PublicationHeader{Publisher: 1, Position: n, Sequence: n}
	return string(h.Append(nil))
}

func newTestHub() (*Hub, *fakeSocket) {
	s := &fakeSocket{prefixes: make(map[string]int)}
	return New(Config{Socket: s, Topics: lru.Bounds{Count: 100, Bytes: 1 << 20}}), s
}

var roomy = QueueConfig{Messages: 100, Bytes: 1 << 20}

func openTest(t *testing.T, h *Hub, cfg QueueConfig, patterns ...literal) *Subscription {
	t.Helper()
	s, err := h.Open(cfg, literals(patterns...), false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// takeAll closes s and returns its messages and notices.
func takeAll(t *testing.T, s *Subscription) (got []string) {
	t.Helper()
	s.Close()
	s.Each(t.Context(),
		func(p *wire.Publication) bool { got = append(got, string(p.Topic)+"="+string(p.Body)); return true },
		func(_ *wire.Publication, n Notice) bool { got = append(got, fmt.Sprintf("%T", n)); return true })
	return got
}

// Nothing is left of subscriptions that were closed.
func TestHubLeavesNothing(t *testing.T) {
	h, socket := newTestHub()
	one, other := openTest(t, h, roomy, "a", "b", "a"), openTest(t, h, roomy, "b", "bc")
	bare, err := h.Open(roomy, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	one.Add(literal("c"))
	one.Remove(literal("b"))
	one.Remove(literal("z"))
	if got := fmt.Sprint(socket.prefixes); got != "map[:1 a:1 b:1 bc:1 c:1]" {
		t.Errorf("subscribed to %s", got)
	}
	for _, s := range []*Subscription{one, other, bare, one} {
		s.Close()
		s.Add(literal("late"))
		s.Remove(literal("a"))
	}
	if h.Usage() != (Usage{}) || len(socket.prefixes) != 0 {
		t.Errorf("%+v is left, and %v at the socket", h.Usage(), socket.prefixes)
	}
	h.Close()
	if _, err := h.Open(roomy, nil, true); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed hub fails with %v", err)
	}
}

// Messages go to the subscriptions that take them, each in its framing; others
// are reported.
func TestHubReceive(t *testing.T) {
	h, _ := newTestHub()
	c := new(testConn)
	one, newest := openTest(t, h, roomy, "a", "ab"), openTest(t, h, roomy, "a!")
	h.Receive(c, message("no topic"))
	bare, err := h.Open(roomy, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []testBatch{message("a", "1"), message("ab", "1"), message("a", "2"), message("z", "1"), message("a"), message("", "", "", ""), {nil}} {
		h.Receive(c, b)
	}
	for name, tt := range map[string]struct {
		s    *Subscription
		want []string
	}{
		"all":    {one, []string{"a=1", "ab=1", "a=2"}},
		"newest": {newest, []string{"a=2", "ab=1"}},
		"bare":   {bare, []string{"=a"}},
	} {
		if got := takeAll(t, tt.s); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if h.Superseded() != 1 {
		t.Errorf("%d superseded, want 1", h.Superseded())
	}
	if len(c.malformed) != 3 || !errors.Is(c.malformed[0], wire.ErrPublicationTopic) ||
		!errors.Is(c.malformed[1], wire.ErrPublicationFrames) || !errors.Is(c.malformed[2], wire.ErrPublicationFrames) {
		t.Errorf("reported %v", c.malformed)
	}
}

// A runBatch is one message and a run of others of its topic.
type runBatch struct {
	testBatch
	run []byte
	n   int
}

func (b runBatch) Run(int) ([]byte, int) { return b.run, b.n }

// runOf is a batch of messages of topic "a" with those bodies.
func runOf(bodies ...string) Batch {
	b := runBatch{testBatch: message("a", bodies[0])}
	for _, body := range bodies[1:] {
		b.run = append(b.run, zmtptest.Message("a", body)...)
		b.n++
	}
	return b
}

// A drainingConn waits for room by taking what is in a queue.
type drainingConn struct {
	testConn
	q   *Queue
	got []string
}

func (c *drainingConn) WaitPaused(_, _ <-chan struct{}) bool {
	n, _ := c.q.Progress()
	c.q.Drain(context.Background(), func(p *wire.Publication) bool {
		c.got = append(c.got, string(p.Body))
		n--
		return n > 0
	})
	return true
}

// Runs go to the subscriptions that take their topic as messages do, whatever
// their queues hold.
func TestHubReceiveRun(t *testing.T) {
	h, _ := newTestHub()
	all := openTest(t, h, roomy, "a")
	tight := openTest(t, h, QueueConfig{Messages: 3, Bytes: 1 << 20}, "a")
	small := openTest(t, h, QueueConfig{Messages: 100, Bytes: 8, Overflow: DropNewest}, "a")
	late := openTest(t, h, QueueConfig{Messages: 3, Bytes: 1 << 20, Overflow: DropOldest}, "a")
	other := openTest(t, h, roomy, "b")
	closed := openTest(t, h, roomy, "a")
	closed.queue.Close()
	c := &drainingConn{q: tight.queue}
	h.Receive(c, runOf("1", "2", "3", "4", "5", "6", "7"))
	newest := openTest(t, h, roomy, "a!")
	h.Receive(c, runOf("8", "9", "x"))
	for name, tt := range map[string]struct {
		s    *Subscription
		want string
	}{
		"all": {all, "123456789x"}, "small": {small, "1234"}, "late": {late, "89x"}, "other": {other, ""}, "newest": {newest, "x"}, "closed": {closed, ""},
	} {
		if got := bodies(takeAll(t, tt.s)); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if got := strings.Join(c.got, "") + bodies(takeAll(t, tight)); got != "123456789x" {
		t.Errorf("tight: got %q", got)
	}
	if h.Dropped() != 13 || h.Superseded() != 2 || small.Dropped() != 6 || late.Dropped() != 7 {
		t.Errorf("%d dropped, %d superseded, %d and %d by one", h.Dropped(), h.Superseded(), small.Dropped(), late.Dropped())
	}
	h.Receive(c, runOf("1", "2")) // nobody wants it
	if len(c.malformed) > 0 {
		t.Errorf("reported %v", c.malformed)
	}
}

// bodies returns the bodies of what takeAll returned.
func bodies(list []string) (text string) {
	for _, m := range list {
		_, body, _ := strings.Cut(m, "=")
		text += body
	}
	return text
}

// A topic whose filter was away begins anew, and others go on. No message is
// taken for the entry that says so.
func TestResumption(t *testing.T) {
	h, _ := newTestHub()
	c := new(testConn)
	s := openTest(t, h, roomy, "a", "b")
	h.Receive(c, message("a", "1", sequencedHeader(1)))
	h.Receive(c, message("b", "1", sequencedHeader(1)))
	s.Remove(literal("a"))
	s.Add(literal("a"))
	for _, body := range []string{"", string(resumeItem(1).Body), string(resumeItem(2).Body)} {
		h.Receive(c, message("a", body))
		h.Receive(c, message("a", body, ""))
	}
	h.Receive(c, message("a", "5", sequencedHeader(5)))
	h.Receive(c, message("b", "5", sequencedHeader(5)))
	want := []string{
		"a=1", "b=1", "a=", "a=", "a=\x00\x00\x00\x00\x00\x00\x00\x01", "a=\x00\x00\x00\x00\x00\x00\x00\x01",
		"a=\x00\x00\x00\x00\x00\x00\x00\x02", "a=\x00\x00\x00\x00\x00\x00\x00\x02",
		"a=5", "subscription.Gap", "b=5",
	}
	if got := takeAll(t, s); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestResumptions(t *testing.T) {
	var s patternSet
	var r resumptions
	s.add(literal("ab"), 0)
	n := r.add(literal("a"))
	s.add(literal("a"), n)
	for round, retired := range []bool{false, true} {
		if s.tookAt([]byte("a"), n) || !s.tookAt([]byte("ab"), n) {
			t.Errorf("round %d: the resumption has other topics", round)
		}
		if !retired { // what is removed now was there then
			s.remove(literal("ab"), r.latest())
			s.remove(literal("a"), r.latest())
		}
	}
	if r.pattern(n) != literal("a") || r.pattern(n+1) != nil || !r.end(n) || r.pattern(n) != nil || r.latest() != 0 {
		t.Error("a resumption was taken twice")
	}
	if s.purge(); s.root.literals.Len() != 0 || s.retired != nil {
		t.Error("patterns are left")
	}
}
