package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// mergingCodec decodes as generated code of some makers does: into what is there.
type mergingCodec struct{ *countingCodec }

func (mergingCodec) Unmarshal(b []byte, m proto.Message) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, m)
}

// TestCallIntoUsedMessage checks that a reply replaces what its message held,
// whoever made the message: with hedging and without, through an interceptor
// that makes the call twice, with a codec that merges.
func TestCallIntoUsedMessage(t *testing.T) {
	m := &Method{Procedure: "test.Service/List", Idempotency: IdempotencyNoSideEffects}
	list := Handle(m, func(context.Context, *bytez) (*structpb.ListValue, error) {
		return structpb.NewList([]any{"a", "b"})
	})
	var first proto.Message
	twice := func(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		var err error
		if first, err = next(ctx, req); err != nil {
			return nil, err
		}
		again, err := next(ctx, req)
		if first == again {
			t.Error("the second call was decoded into the reply of the first")
		}
		return again, err
	}
	for name, call := range map[string][]CallOption{"plain": nil, "hedged": {WithHedging(2, testkit.Patience())}} {
		for kind, dial := range map[string][]DialOption{
			"direct": nil, "twice": {WithInterceptors(twice)}, "merging codec": {WithCodec(mergingCodec{new(countingCodec)})},
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				s := inproc()
				_, c := s.pair(t, []Handler{list}, nil, dial)
				reply := new(structpb.ListValue)
				for range 2 {
					if err := c.Call(testkit.Within(t), m, &bytez{}, reply, call...); err != nil || len(reply.GetValues()) != 2 {
						t.Errorf("%d values, want 2 (%v)", len(reply.GetValues()), err)
					}
				}
				if kind == "twice" && len(first.(*structpb.ListValue).GetValues()) != 2 {
					t.Error("the first reply was changed")
				}
			})
		}
	}
}

// TestReplyMetadataOfLastAttempt checks that metadata of an earlier call does not
// stay.
func TestReplyMetadataOfLastAttempt(t *testing.T) {
	s := inproc()
	_, c := s.pair(t, echoHandlers(), nil, nil)
	for name, opts := range map[string][]CallOption{"plain": nil, "hedged": {WithHedging(2, time.Hour)}} {
		meta := ReplyMetadata{Headers: Metadata{"old": {"x"}}}
		if _, err := Call[bytez](testkit.Within(t), c, echoMethod, &bytez{}, append(opts, WithReplyMetadata(&meta))...); err != nil || len(meta.Headers) > 0 {
			t.Errorf("%s: %v, %v", name, meta, err)
		}
	}
}
