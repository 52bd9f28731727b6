package gozmq

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Requests, replies and errors carry metadata, any bytes of it.
func TestMetadataTravels(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		var got Metadata
		handlers := []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
			call := CallInfoFromContext(ctx)
			got = call.Metadata
			call.AddReplyHeader("served-by", "a")
			call.AddReplyTrailer("cost", "1")
			call.AddReplyTrailer("cost", "\x00\xff")
			if string(req.Value) == "fail" {
				return nil, Errorf(CodeNotFound, "gone")
			}
			return req, nil
		})}
		_, c := s.pair(t, handlers, nil, nil)
		ctx := AppendMetadata(testkit.Within(t), "token", "\x00\xfe", "trace.id", "7")
		ctx = AppendMetadata(ctx, "trace.id", "8")
		for _, body := range []string{"ok", "fail"} {
			var back ReplyMetadata
			_, err := Call[wrapperspb.BytesValue](ctx, c, echoMethod, wrapperspb.Bytes([]byte(body)), WithReplyMetadata(&back))
			if failed := body == "fail"; (err != nil) != failed {
				t.Fatalf("%s: %v", body, err)
			}
			if want := (Metadata{"token": {"\x00\xfe"}, "trace.id": {"7", "8"}}); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the server got %q, want %q", body, got, want)
			}
			want := ReplyMetadata{Headers: Metadata{"served-by": {"a"}}, Trailers: Metadata{"cost": {"1", "\x00\xff"}}}
			if !reflect.DeepEqual(back, want) {
				t.Errorf("%s: the client got %q, want %q", body, back, want)
			}
		}
		mustEcho(t, c)
		if got != nil {
			t.Errorf("a call without metadata brought %q", got)
		}
	})
}

func TestMetadataIsChecked(t *testing.T) {
	s := serve(t, Bind("inproc://"+t.Name()), echoHandlers())
	c := dial(t, Connect(s.addr()))
	tests := []struct {
		name  string
		pairs []string
		code  Code
		text  string
	}{
		{"empty key", []string{"", "x"}, CodeInvalidArgument, "metadata key"},
		{"upper case", []string{"Token", "x"}, CodeInvalidArgument, `"Token"`},
		{"space", []string{"a b", "x"}, CodeInvalidArgument, `"a b"`},
		{"long key", []string{strings.Repeat("k", wire.MaxMetadataKey+1), "x"}, CodeInvalidArgument, "metadata key"},
		{"too much", []string{"k", strings.Repeat("v", wire.MaxMetadata)}, CodeResourceExhausted, "16384 are allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, callEcho(AppendMetadata(testkit.Within(t), tt.pairs...), c, "x"), tt.code, tt.text)
		})
	}
	mustEcho(t, c) // the connection has not suffered
	for _, pairs := range [][]string{{"odd"}, {"key", "value", "odd"}} {
		ctx := AppendMetadata(AppendMetadata(testkit.Within(t), pairs...), "later", "x")
		wantCode(t, callEcho(ctx, c, "x"), CodeInvalidArgument, `key "odd" has no value`)
	}
}

// What a handler adds that is wrong is its own fault, and the call's.
func TestReplyMetadataIsChecked(t *testing.T) {
	s := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		CallInfoFromContext(ctx).AddReplyHeader("Not Allowed", "x")
		return req, nil
	})})
	c := dial(t, Connect(s.addr()))
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeInternal, `"Not Allowed"`)
}

// A caller that gives up ends the context of its call, and of no other.
func TestCancelTravels(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		h := newStuck(t)
		_, c := s.pair(t, h.obedient(), nil, nil)
		const n = 10
		var cancels [n]context.CancelFunc
		var handlers [n]context.Context
		ends := make(chan error, n)
		for i := range n {
			var ctx context.Context
			ctx, cancels[i] = context.WithCancel(testkit.Within(t))
			defer cancels[i]()
			go func() { ends <- callEcho(ctx, c, fmt.Sprint(i)) }()
			handlers[i] = testkit.Receive(t, h.called, "the call")
		}
		for i := range n / 2 {
			cancels[2*i]()
			wantCode(t, testkit.Receive(t, ends, "the end of a call that was given up"), CodeCanceled)
			testkit.Receive(t, handlers[2*i].Done(), "the end of the context of a call that was given up")
		}
		for i := range n {
			if live := i%2 == 1; (handlers[i].Err() == nil) != live {
				t.Errorf("call %d: its context says %v", i, handlers[i].Err())
			}
		}
		h.free()
		for range n / 2 {
			if err := testkit.Receive(t, ends, "the end of a call that was not given up"); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestDetailOf(t *testing.T) {
	err := Errorf(CodeAborted, "no").WithDetails(wrapperspb.String("first"), wrapperspb.Int64(5), wrapperspb.String("second"))
	wrapped := fmt.Errorf("outer: %w", err)
	if d, ok := DetailOf[wrapperspb.StringValue](wrapped); !ok || d.GetValue() != "first" {
		t.Errorf("got %v, %v", d, ok)
	}
	if d, ok := DetailOf[wrapperspb.Int64Value](wrapped); !ok || d.GetValue() != 5 {
		t.Errorf("got %v, %v", d, ok)
	}
	if d, ok := DetailOf[wrapperspb.BoolValue](wrapped); ok || d != nil {
		t.Errorf("got %v, %v", d, ok)
	}
	if _, ok := DetailOf[wrapperspb.BoolValue](context.Canceled); ok {
		t.Error("found a detail in an error that has none")
	}
}
