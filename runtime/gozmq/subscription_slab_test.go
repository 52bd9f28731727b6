package gozmq

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

// What comes out of a slab is what went in, an empty header apart from none.
func TestSlab(t *testing.T) {
	var arrivals []arrival
	for i, header := range [][]byte{nil, {}, []byte("header")} {
		for _, topic := range []string{"", "topic"} {
			for _, body := range []string{"", "body"} {
				arrivals = append(arrivals, arrival{fmt.Appendf(nil, "%s%d", topic, i)[:len(topic)], []byte(body), header})
			}
		}
	}
	var s slab
	for round := range 3 {
		want := 0
		for i := range arrivals {
			s.push(&arrivals[i])
			want += arrivals[i].size()
		}
		var got arrival
		for i, a := range arrivals {
			if s.len() != len(arrivals)-i || s.bytes() != want {
				t.Fatalf("%d arrivals of %d bytes are left, want %d of %d", s.len(), s.bytes(), len(arrivals)-i, want)
			}
			want -= a.size()
			if !s.pop(&got) || !bytes.Equal(got.topic, a.topic) || !bytes.Equal(got.body, a.body) || !bytes.Equal(got.header, a.header) || (got.header == nil) != (a.header == nil) {
				t.Fatalf("round %d: got %q, want %q", round, got, a)
			}
		}
		if s.pop(&got) {
			t.Fatalf("got %q from an empty slab", got)
		}
		s.reset()
	}
}

// Once an inbox has grown to its size, messages that pass cost no memory.
func TestInboxAllocatesNothing(t *testing.T) {
	in := newInbox(queueConfig{1000, 1 << 20})
	a := arrival{topic: make([]byte, 30), body: make([]byte, 64), header: make([]byte, 20)}
	const batch = 500
	pass := func() {
		for range batch {
			if in.put(&a) != nil {
				t.Fatal("the inbox is full")
			}
		}
		n := 0
		in.drain(context.Background(), func(*arrival) bool { n++; return n < batch })
	}
	pass()
	if perMessage := testing.AllocsPerRun(20, pass) / batch; perMessage > 0.05 {
		t.Errorf("%v allocations per message", perMessage)
	}
}
