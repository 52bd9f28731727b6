package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A publicationLoop hands publications to the body of one loop.
type publicationLoop struct {
	subscriber *Subscriber
	method     *Method
	ctx        context.Context  // the loop's
	to         *PublicationInfo // where StoreInfo wants descriptions; nil: nowhere
	fresh      func() proto.Message
	yield      func(proto.Message, error) bool
	counter    *methodCounter
	pause      loopPause
}

// newLoop returns a loop with ctx, which asks for its first publication now.
func (s *Subscriber) newLoop(ctx context.Context, m *Method, fresh func() proto.Message, yield func(proto.Message, error) bool) *publicationLoop {
	l := &publicationLoop{subscriber: s, method: m, ctx: ctx, to: storedInfo[PublicationInfo](ctx), fresh: fresh, yield: yield, counter: s.methods.of(m)}
	l.pause.begin(s.interceptor)
	return l
}

// deliver yields a publication, or what is wrong with it. It returns false when the
// loop has ended, and whether the publication could be decoded.
func (l *publicationLoop) deliver(p *wire.Publication) (goOn, decoded bool) {
	m, err := decodeBody(&l.subscriber.bodies, p.Body, l.fresh)
	l.counter.end(err)
	if err == nil && l.subscriber.interceptor != nil {
		return l.intercept(p, m), true
	}
	if l.to != nil {
		l.to.set(l.ctx, p)
	}
	goOn = l.yield(m, err)
	l.pause.begin(l.subscriber.interceptor)
	return goOn, err == nil
}

// fail yields an error that has to do with a publication.
func (l *publicationLoop) fail(p *wire.Publication, err error) bool {
	if l.to != nil {
		l.to.set(l.ctx, p)
	}
	goOn := l.yield(nil, err)
	l.pause.begin(l.subscriber.interceptor)
	return goOn
}

// notice is fail for what the engine says.
func (l *publicationLoop) notice(p *wire.Publication, n subscription.Notice) bool {
	return l.fail(p, noticeError(n))
}

// intercept passes a publication to the interceptors, which yield it.
func (l *publicationLoop) intercept(p *wire.Publication, m proto.Message) (goOn bool) {
	s := l.subscriber
	info := new(PublicationInfo)
	ctx := &publicationContext{Context: l.ctx, info: info}
	info.set(ctx, p)
	step := loopStep{body: func(ctx context.Context, m proto.Message) bool {
		info.ctx = ctx
		if l.to != nil {
			*l.to = *info
		}
		return l.yield(m, nil)
	}}
	call := receiving(l.method, info)
	call.Waited = l.pause.end()
	err := step.run(ctx, s.observer, zmtp.Sub, call, m, s.interceptor)
	l.pause.begin(s.interceptor)
	switch {
	case err == nil:
	case !step.yielded:
		return l.fail(p, err)
	default:
		s.observer.observe(Event{Kind: EventTopicFailed, SocketType: string(zmtp.Sub), Procedure: l.method.Procedure, Topic: info.Topic, Err: err})
	}
	return step.more
}

// receiving returns what interceptors get to know of a publication that has come.
func receiving(m *Method, info *PublicationInfo) *CallInfo {
	return &CallInfo{Operation: OperationReceive, Method: m, Peer: info.Peer, Metadata: info.Metadata, Publication: info}
}
