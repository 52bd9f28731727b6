package subscription

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// What comes out of a buffer is what went in, an empty header apart from none.
func TestBuffer(t *testing.T) {
	var items []item
	for i, header := range [][]byte{nil, {}, []byte("header")} {
		for _, topic := range []string{"", "topic"} {
			for _, body := range []string{"", "body"} {
				p := wire.Publication{Topic: fmt.Appendf(nil, "%s%d", topic, i)[:len(topic)], Body: []byte(body), Header: header}
				items = append(items, item{p, entryKind(i)})
			}
		}
	}
	from, run := &fakeConn{}, []byte(nil)
	for i := range 3 {
		p := wire.Publication{Topic: []byte("topic"), Body: []byte("body")[:i+1], From: from}
		run = append(append(append(run, "\x01\x05topic\x00"...), byte(len(p.Body))), p.Body...)
		items = append(items, item{p, messageEntry})
	}
	var b buffer
	for round := range 3 {
		want := 0
		for i := range items {
			if i < len(items)-3 {
				b.pushItem(&items[i])
			}
			want += items[i].Size()
		}
		b.pushRun(&wire.Publication{Topic: []byte("topic"), From: from}, run, 3)
		var got item
		for i, a := range items {
			if b.len() != len(items)-i || b.bytes() != want {
				t.Fatalf("%d entries of %d bytes are left, want %d of %d", b.len(), b.bytes(), len(items)-i, want)
			}
			want -= a.Size()
			if !b.pop(&got) || !bytes.Equal(got.Topic, a.Topic) || !bytes.Equal(got.Body, a.Body) || !bytes.Equal(got.Header, a.Header) ||
				(got.Header == nil) != (a.Header == nil) || got.kind != a.kind || got.From != a.From {
				t.Fatalf("round %d: got %v, want %v", round, got, a)
			}
		}
		if b.pop(&got) {
			t.Fatalf("got %v from an empty buffer", got)
		}
		b.reset()
	}
}

// A buffer whose entries are dropped and used in turn stays small.
func TestBufferCompacts(t *testing.T) {
	q := NewQueue(QueueConfig{Messages: 10, Bytes: 1 << 20, Overflow: DropOldest})
	p := wire.Publication{Topic: []byte("topic"), Body: make([]byte, 1000), Header: []byte{1}}
	for range 10_000 {
		q.tryPut(&p)
	}
	if n, b := cap(q.in.entries), cap(q.in.data); n > 100 || b > 100_000 {
		t.Errorf("10 messages of 1 KB take %d entries and %d bytes", n, b)
	}
	n := 0
	q.Drain(context.Background(), func(got *wire.Publication) bool {
		if string(got.Topic) != "topic" || len(got.Body) != 1000 || len(got.Header) != 1 {
			t.Fatalf("got %q", got.Topic)
		}
		n++
		return n < 10
	})
}

// Once a queue has grown to its size, messages that pass cost no memory.
func TestQueueAllocatesNothing(t *testing.T) {
	q := NewQueue(QueueConfig{Messages: 1000, Bytes: 1 << 20})
	p := wire.Publication{Topic: make([]byte, 30), Body: make([]byte, 64), Header: make([]byte, 20)}
	const batch = 500
	pass := func() {
		for range batch {
			if q.tryPut(&p) != nil {
				t.Fatal("the queue is full")
			}
		}
		n := 0
		q.Drain(context.Background(), func(*wire.Publication) bool { n++; return n < batch })
	}
	pass()
	if perMessage := testing.AllocsPerRun(20, pass) / batch; perMessage > 0.05 {
		t.Errorf("%v allocations per message", perMessage)
	}
}

// BenchmarkQueue puts messages into a queue, a hundred at a time, and takes
// them out.
func BenchmarkQueue(b *testing.B) {
	for _, size := range []int{64, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			q := NewQueue(QueueConfig{Messages: 1000, Bytes: 1 << 20})
			p := &wire.Publication{Topic: []byte("topic"), Body: make([]byte, size)}
			ctx := context.Background()
			var used *buffer
			var got item
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if full := q.tryPut(p); full != nil {
					b.Fatal("full")
				}
				if n%100 < 99 {
					continue
				}
				used = q.take(ctx, used)
				for used.pop(&got) {
				}
			}
		})
	}
}
