package gozmqimpl

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// FollowState returns an iterator over a state. It yields a snapshot, which is
// the reply to req, and then, in order, each message that the filters select
// and that the snapshot does not include. It requests the first snapshot when a
// publisher is connected, and another one when messages were missed, when a
// publisher was restarted and after every reconnect. The last snapshot and the
// messages after it are the state.
//
// The topic must be sequenced and retained, and the method's handler must call
// CallInfo.SetSnapshotPosition. The iterator yields an error for a message that
// cannot be decoded and for a call that failed, and tries again after a pause
// that grows from 100 ms to 5 s. Only a reply without a position ends it, with
// CodeFailedPrecondition. On a closed Subscriber it yields one error with
// CodeCanceled; a running iteration ends without an error when the Subscriber
// is closed or ctx ends. The subscription's queue always blocks, whatever
// WithOverflow says, because each dropped message would cost another snapshot.
// It does not report lag.
func FollowState[S, T any, R message[S], P message[T], F gozmq.Filter](ctx context.Context, s *gozmq.Subscriber, t *Topic[T, P], caller gozmq.Caller, method *gozmq.Method, req proto.Message, filters []F) iter.Seq2[gozmq.Change[R, P], error] {
	return func(yield func(gozmq.Change[R, P], error) bool) {
		bridge.Open(s).Follow(ctx, t.method, patterns(t, filters), bridge.State{
			Procedure: method.Procedure,
			Ask: func(ctx context.Context) (map[string][]string, func() bool, error) {
				var md gozmq.ReplyMetadata
				snapshot := R(new(S))
				if err := caller.Call(ctx, method, req, snapshot, gozmq.WithReplyMetadata(&md)); err != nil {
					return nil, nil, err
				}
				return md.Headers, func() bool { return yield(gozmq.Change[R, P]{Snapshot: snapshot}, nil) }, nil
			},
			New: fresh[T, P],
			Update: func(m proto.Message, err error) bool {
				update, _ := m.(P)
				return yield(gozmq.Change[R, P]{Update: update}, err)
			},
			Fail: func(err error) bool { return yield(gozmq.Change[R, P]{}, err) },
		})
	}
}

// FollowAll is FollowState for a topic without fields.
func FollowAll[S, T any, R message[S], P message[T]](ctx context.Context, s *gozmq.Subscriber, t *Topic[T, P], caller gozmq.Caller, method *gozmq.Method, req proto.Message) iter.Seq2[gozmq.Change[R, P], error] {
	return FollowState[S, T, R, P, gozmq.TopicPattern](ctx, s, t, caller, method, req, nil)
}
