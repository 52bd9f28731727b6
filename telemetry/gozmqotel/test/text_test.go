package test

import (
	"context"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// What a peer chooses reaches an exporter as UTF-8: anything else would cost it all
// spans of its batch.
func TestTextsOfPeers(t *testing.T) {
	const bad = "\xff\x00\xfe"
	r := newRecorder(t)
	_, _ = r.Interceptor(t.Context(), &gozmq.CallInfo{
		Operation: gozmq.OperationReceive, Method: &gozmq.Method{Procedure: "weather.v1.Feed/Temperature"},
		Peer: &gozmq.Peer{Address: bad}, Publication: &gozmq.PublicationInfo{Topic: bad},
		Task: &gozmq.TaskInfo{ID: bad, Batch: bad}, Metadata: gozmq.Metadata{"traceparent": {bad}, "baggage": {bad}},
	}, nil, func(context.Context, proto.Message) (proto.Message, error) {
		return nil, gozmq.Errorf(gozmq.CodeInternal, "%s", bad)
	})
	s := r.wait(t, 1)[0]
	for key, value := range attributesOf(s) {
		if !utf8.ValidString(value) {
			t.Errorf("the attribute %s is %q", key, value)
		}
	}
	if !utf8.ValidString(s.Status.Description) || s.Status.Description == "" {
		t.Errorf("the status is %q", s.Status.Description)
	}
	if got, want := attributesOf(s)["messaging.message.id"], "ff00fe"; got != want {
		t.Errorf("the id is %q, want %q", got, want)
	}
	if s.Parent.IsValid() || len(s.Links) != 0 {
		t.Errorf("a traceparent that makes no sense is a parent: %v", s.Parent)
	}
}
