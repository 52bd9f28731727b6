package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A resultLoop is a loop over the results of a method, or at a puller over its
// tasks.
type resultLoop struct {
	sink   *Sink
	ctx    context.Context
	method *Method
	fresh  func() proto.Message
	yield  func(proto.Message, error) bool
	info   *TaskInfo // where descriptions are stored; nil: nowhere

	counter *methodCounter
	pause   loopPause
	call    *CallInfo // of the message that the interceptors have; nil: none has one
}

// plain yields a message that nobody wants described.
func (l *resultLoop) plain(r pipeline.Message) (more bool) {
	m, err := decodeBody(&l.sink.bodies, r.Body, l.fresh)
	l.counter.end(err)
	return l.yield(m, err)
}

// described yields a message with its description, through the interceptors. One
// that cannot be decoded they do not get.
func (l *resultLoop) described(r pipeline.Message) (more bool) {
	info := l.describe(r)
	m, err := decodeBody(&l.sink.bodies, r.Body, l.fresh)
	l.counter.end(err)
	if err != nil || l.sink.interceptor == nil {
		l.store(info, l.ctx)
		more = l.yield(m, err)
		l.pause.begin(l.sink.interceptor)
		return more
	}
	ctx := newTaskContext(l.ctx, info)
	call := &CallInfo{Operation: OperationResult, Method: l.method, Peer: info.Peer, Metadata: info.Metadata, Task: &ctx.info, Waited: l.pause.end()}
	l.call = call
	step := loopStep{body: func(ctx context.Context, m proto.Message) bool {
		l.store(info, ctx)
		return l.yield(m, nil)
	}}
	err = step.run(ctx, l.sink.observer, l.sink.socketType(), call, m, l.sink.interceptor)
	l.pause.begin(l.sink.interceptor)
	switch {
	case err == nil:
		return step.more
	case step.yielded:
		l.sink.observer.observe(Event{Kind: EventTaskFailed, SocketType: string(l.sink.socketType()), Procedure: l.method.Procedure, Err: err})
		return step.more
	}
	l.store(info, l.ctx)
	return l.yield(nil, err)
}

// ended reports to the interceptors how a message ended (pipeline.Source).
func (l *resultLoop) ended(acked, reported bool) {
	call := l.call
	if l.call = nil; call == nil {
		return
	}
	verb := wire.VerbReturn
	if acked {
		verb = wire.VerbDone
	}
	if !reported {
		verb = ""
	}
	call.settled(l.sink.observer, l.sink.socketType(), outcomeOf(verb), nil)
}

// describe returns the description of a message.
func (l *resultLoop) describe(r pipeline.Message) TaskInfo {
	info := TaskInfo{Method: l.method, ID: string(r.ID)}
	info.Peer, _ = r.Peer.(*Peer)
	if len(r.Header) > 0 {
		h := wire.ParseTaskHeader(r.Header)
		info.Attempt, info.Batch = h.Attempt, h.BatchName()
		info.Metadata, info.ResultMetadata = Metadata(h.Metadata), Metadata(h.ResultMetadata)
	}
	return info
}

// store stores a description for the loop's body, if it wants one.
func (l *resultLoop) store(info TaskInfo, ctx context.Context) {
	if l.info != nil {
		info.ctx = ctx
		*l.info = info
	}
}

// socketType is the type of the socket that messages come to.
func (s *Sink) socketType() zmtp.SocketType {
	if s.pulls {
		return s.delivery.socketType(zmtp.Pull, zmtp.Dealer)
	}
	return s.delivery.socketType(zmtp.Pull, zmtp.Router)
}
