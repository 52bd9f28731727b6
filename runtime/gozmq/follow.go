package gozmq

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Change is one step of a followed state: it has either a Snapshot or an
// Update.
type Change[S, M proto.Message] struct {
	// Snapshot is the whole state; it replaces everything before it.
	Snapshot S
	// Update is a message of the topic: a change of the state.
	Update M
}

// FollowState returns an iterator over a state. It yields a snapshot, which is
// the reply to req, and then, in order, each message that the filters take and
// the snapshot does not have. It asks for the first snapshot when a publisher
// is connected, and for another one when messages were missed, when a publisher
// was restarted and after every reconnect: what it has yielded from the last
// snapshot on is the state. Generated code calls it.
//
// The topic must be sequenced and retained, and the method's handler must call
// SetSnapshotPosition. The iterator yields an error for a message that cannot
// be decoded and for a call that failed, and tries again after a pause that
// grows from 100 ms to 5 s. Only a reply without a position ends it, with
// CodeFailedPrecondition. On a closed Subscriber it yields one error with
// CodeCanceled; one that runs ends without an error when the Subscriber is
// closed or ctx ends. The subscription's queue always blocks, whatever
// WithOverflow says, because dropped messages would have to be asked for again;
// lag is not reported.
func FollowState[S, T any, R message[S], M message[T], F Filter](ctx context.Context, s *Subscriber, caller Caller, method *Method, req proto.Message, filters []F) iter.Seq2[Change[R, M], error] {
	return func(yield func(Change[R, M], error) bool) {
		cfg := s.defaults
		cfg.overflow = OverflowBlock
		sub, err := s.openWith(cfg, patternsOf(filters), false)
		if err != nil {
			yield(Change[R, M]{}, err)
			return
		}
		defer sub.Close()
		sub.Follow(ctx, &followed[S, T, R, M]{caller: caller, method: method, req: req, bodies: &s.bodies, yield: yield})
	}
}

// followed is the state of one iteration (subscription.State).
type followed[S, T any, R message[S], M message[T]] struct {
	caller Caller
	method *Method
	req    proto.Message
	bodies *bodies
	yield  func(Change[R, M], error) bool
}

// Snapshot calls the method.
func (f *followed[S, T, R, M]) Snapshot(ctx context.Context) (map[uint64]uint64, func() bool, error) {
	var md ReplyMetadata
	snapshot := R(new(S))
	if err := f.caller.Call(ctx, f.method, f.req, snapshot, WithReplyMetadata(&md)); err != nil {
		return nil, nil, err
	}
	positions, err := snapshotPositions(&md)
	if err != nil {
		return nil, nil, &unpositionedError{Errorf(CodeFailedPrecondition, "%s: %w", f.method.Procedure, err)}
	}
	return positions, func() bool { return f.yield(Change[R, M]{Snapshot: snapshot}, nil) }, nil
}

// Update decodes and yields a message.
func (f *followed[S, T, R, M]) Update(p *wire.Publication) (goOn, decoded bool) {
	m, err := decodeBody[T, M](f.bodies, p.Body)
	return f.yield(Change[R, M]{Update: m}, err), err == nil
}

// Failed yields an error. An unpositionedError ends the iteration, because
// asking again would not help.
func (f *followed[S, T, R, M]) Failed(err error) bool {
	switch e := err.(type) {
	case *unpositionedError:
		f.yield(Change[R, M]{}, e.error)
		return false
	case *subscription.TooLargeError:
		err = tooLargeError(e)
	case *subscription.UnnumberedError, *subscription.UnknownPublisherError:
		err = Errorf(CodeFailedPrecondition, "%w", err)
	}
	return f.yield(Change[R, M]{}, err)
}

// An unpositionedError says that a snapshot has no usable position.
type unpositionedError struct{ error }
