package gozmqtest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// streamFaults are the faults of the messages of streams, by procedure.
type streamFaults struct {
	sends, receives map[string]messageFault
	delays          map[string]time.Duration
}

// A messageFault makes a stream fail after that many messages. Without err it is
// none.
type messageFault struct {
	after int
	err   error
}

// FailSend makes each stream of a procedure fail with err when more than after
// messages are sent; with nil for err, that ends. The server sees that the call
// was canceled.
func (f *Faults) FailSend(procedure string, after int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set(&f.stream.sends, procedure, messageFault{after, err}, err == nil)
}

// FailReceive makes each stream of a procedure fail with err once after messages
// have been received; with nil for err, that ends.
func (f *Faults) FailReceive(procedure string, after int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set(&f.stream.receives, procedure, messageFault{after, err}, err == nil)
}

// DelayMessages makes each message of the streams of a procedure wait for d, or
// until the context of Send or Receive ends; 0 ends that.
func (f *Faults) DelayMessages(procedure string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set(&f.stream.delays, procedure, d, d <= 0)
}

// message waits as long as a message of a stream has to, and returns how the
// stream is to fail when it has sent, or received, n messages before.
func (f *Faults) message(ctx context.Context, m *gozmq.Method, sent bool, n int) (fault, late error) {
	f.mu.Lock()
	faults := f.stream.receives
	if sent {
		faults = f.stream.sends
	}
	at, delay := get(faults, m.Procedure), get(f.stream.delays, m.Procedure)
	f.mu.Unlock()
	if late := sleep(ctx, delay); late != nil {
		return nil, late
	}
	if at.err == nil || n < at.after {
		return nil, nil
	}
	return coded(m, at.err), nil
}

// watch lets the faults meet the messages of an intercepted stream.
func (f *Faults) watch(ctx context.Context, call *gozmq.CallInfo) {
	var sent, received atomic.Int64
	call.OnMessage(func(_ proto.Message, out bool) error {
		count := &received
		if out {
			count = &sent
		}
		fault, late := f.message(ctx, call.Method, out, int(count.Add(1)-1))
		if late != nil {
			return coded(call.Method, late)
		}
		return fault
	})
}

// Stream returns a stream through Caller, unless a fault is set for its method
// (gozmq.Caller). The faults of its messages count from its own first one.
func (f *Faults) Stream(ctx context.Context, m *gozmq.Method, opts ...gozmq.CallOption) gozmq.Stream {
	s := &faultyStream{faults: f, method: m}
	s.begin = sync.OnceFunc(func() {
		if err := f.begin(ctx, m); err != nil {
			s.fail(err)
		} else if f.Caller == nil {
			s.fail(noCaller(m))
		}
	})
	if f.Caller != nil {
		s.stream = f.Caller.Stream(ctx, m, opts...)
	}
	return s
}

// A faultyStream is a stream with faults.
type faultyStream struct {
	faults *Faults
	method *gozmq.Method
	stream gozmq.Stream // nil without a Caller
	begin  func()       // counts the call and sets err; works once

	mu             sync.Mutex
	err            error // the fault that has ended the stream
	sent, received int
}

// Send sends a message, or fails.
func (s *faultyStream) Send(ctx context.Context, m proto.Message) error {
	if err := s.next(ctx, true); err != nil {
		return err
	}
	return s.result(s.stream.Send(ctx, m))
}

// CloseSend passes the end of the messages on.
func (s *faultyStream) CloseSend(ctx context.Context) error {
	s.begin()
	if err := s.result(nil); err != nil {
		return err
	}
	return s.result(s.stream.CloseSend(ctx))
}

// Receive receives a message, or fails.
func (s *faultyStream) Receive(ctx context.Context, m proto.Message) (more bool, err error) {
	if err := s.next(ctx, false); err != nil {
		return s.result(nil) == nil, err
	}
	more, err = s.stream.Receive(ctx, m)
	if more && err == nil {
		s.mu.Lock()
		s.received++
		s.mu.Unlock()
	}
	if err := s.result(nil); err != nil {
		return false, err
	}
	return more, err
}

// Close cancels the call.
func (s *faultyStream) Close() {
	if s.stream != nil {
		s.stream.Close()
	}
}

// next returns the fault that meets the next message, or the error of ctx when
// it ends while the message has to wait.
func (s *faultyStream) next(ctx context.Context, sent bool) error {
	s.begin()
	s.mu.Lock()
	n := s.received
	if sent {
		n = s.sent
		s.sent++
	}
	over := s.err
	s.mu.Unlock()
	if over != nil {
		return over
	}
	fault, late := s.faults.message(ctx, s.method, sent, n)
	switch {
	case late != nil:
		s.unsent(sent)
		return coded(s.method, late)
	case fault != nil:
		s.fail(fault)
		return fault
	}
	return nil
}

// unsent takes back that a message was sent.
func (s *faultyStream) unsent(sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sent {
		s.sent--
	}
}

// fail ends the stream with a fault.
func (s *faultyStream) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.Close()
}

// result returns the fault that has ended the stream, if any, in place of err,
// which follows from it.
func (s *faultyStream) result(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return err
}
