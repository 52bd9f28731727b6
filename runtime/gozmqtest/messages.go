package gozmqtest

import (
	"context"
	"iter"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
)

// Messages returns an iterator over messages and then err, unless it is nil. It
// stands in for the client's messages in a test of a handler, and for the server's
// messages in a fake client.
func Messages[M any](err error, messages ...*M) iter.Seq2[*M, error] {
	return func(yield func(*M, error) bool) {
		for _, m := range messages {
			if !yield(m, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// A Sent is a gozmq.Sender for a handler under test. It keeps copies of the
// messages that the handler sends. The zero value is ready for use; it must not
// be copied.
type Sent[M any] struct {
	mu       sync.Mutex
	messages []*M
}

// Send keeps a copy of m. It fails when ctx has ended.
func (s *Sent[M]) Send(ctx context.Context, m *M) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p, ok := any(m).(proto.Message); ok {
		m, _ = any(proto.Clone(p)).(*M)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	return nil
}

// Messages returns the messages sent so far, in order.
func (s *Sent[M]) Messages() []*M {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}
