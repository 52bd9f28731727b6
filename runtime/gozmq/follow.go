package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/topic"
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

// Follow joins a state and its topic (bridge.Subscriber).
func (s *subscribing) Follow(ctx context.Context, m *Method, patterns []topic.Pattern, state bridge.State) {
	cfg := s.defaults
	cfg.overflow = OverflowBlock
	sub, err := (*Subscriber)(s).openWith(cfg, patterns, false)
	if err != nil {
		state.Fail(err)
		return
	}
	defer sub.Close()
	loop := publicationLoop{(*Subscriber)(s), m, ctx, storedInfo[PublicationInfo](ctx), state.New, state.Update, s.methods.of(m)}
	sub.Follow(ctx, &followed{state, &loop})
}

// followed is a state as the engine follows it (subscription.State).
type followed struct {
	bridge.State
	loop *publicationLoop
}

func (f *followed) Snapshot(ctx context.Context) (map[uint64]uint64, func() bool, error) {
	headers, yield, err := f.Ask(ctx)
	if err != nil {
		return nil, nil, err
	}
	positions, err := snapshotPositions(headers)
	if err != nil {
		return nil, nil, &unpositionedError{Errorf(CodeFailedPrecondition, "%s: %w", f.Procedure, err)}
	}
	return positions, yield, nil
}

func (f *followed) Update(p *wire.Publication) (goOn, decoded bool) {
	return f.loop.deliver(p)
}

func (f *followed) Noticed(n subscription.Notice) bool { return f.Fail(noticeError(n)) }

// Failed yields an error. An unpositionedError ends the iteration, because asking
// again would not help.
func (f *followed) Failed(err error) bool {
	switch e := err.(type) {
	case *unpositionedError:
		f.Fail(e.error)
		return false
	case *subscription.TooLargeError:
		err = tooLargeError(e)
	case *subscription.UnnumberedError, *subscription.UnknownPublisherError:
		err = Errorf(CodeFailedPrecondition, "%w", err)
	}
	return f.Fail(err)
}

// An unpositionedError says that a snapshot has no usable position.
type unpositionedError struct{ error }
