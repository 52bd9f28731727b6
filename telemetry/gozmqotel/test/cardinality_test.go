package test

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// A thousand peers, topics, tasks and batches make no label sets: a metric has one
// for each method and each way to end, and no more spans' names than that.
func TestCardinality(t *testing.T) {
	r := newRecorder(t, gozmqotel.WithReceiveSpans())
	call := &gozmq.Method{Procedure: "shop.v1.Orders/Place"}
	topic := &gozmq.Method{Procedure: "weather.v1.Feed/Temperature", TopicTemplate: "weather/{station}/temperature"}
	task := &gozmq.Method{Procedure: "image.v1.Prints/Render"}
	next := func(context.Context, proto.Message) (proto.Message, error) { return nil, nil }
	for i := range 1000 {
		text := fmt.Sprint(i)
		peer := &gozmq.Peer{Address: fmt.Sprintf("192.0.2.%d:%d", i%250, 1024+i), Endpoint: "tcp://*:7000", RoutingID: text, User: text}
		publication := &gozmq.PublicationInfo{Topic: "weather/" + text + "/temperature", Sequence: uint64(i), Publisher: uint64(i), Peer: peer}
		about := &gozmq.TaskInfo{Method: task, ID: text, Batch: text, Attempt: i}
		for _, info := range []*gozmq.CallInfo{
			{Operation: gozmq.OperationCall, Method: call},
			{Operation: gozmq.OperationServe, Method: call, Peer: peer},
			{Operation: gozmq.OperationPublish, Method: topic, Publication: publication},
			{Operation: gozmq.OperationReceive, Method: topic, Publication: publication, Peer: peer, Waited: 1},
			{Operation: gozmq.OperationPush, Method: task, Task: about},
			{Operation: gozmq.OperationRun, Method: task, Task: about, Peer: peer},
			{Operation: gozmq.OperationResult, Method: task, Task: about, Peer: peer, Waited: 1},
		} {
			if _, err := r.Interceptor(t.Context(), info, new(weatherv1.Reading), next); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, want := range map[string]int{
		"rpc.client.call.duration":            1,
		"rpc.server.call.duration":            1,
		"messaging.client.sent.messages":      2, // publish and push
		"messaging.client.operation.duration": 4, // these, and receive of each
		"messaging.client.consumed.messages":  3, // process, run and collect
		"messaging.process.duration":          3,
	} {
		if points := pointsOf(t, r.metrics(t)[name]); len(points) != want {
			t.Errorf("%s has %d label sets, want %d", name, len(points), want)
		}
	}
	names := make(map[string]bool)
	for _, s := range r.spans.GetSpans() {
		names[s.Name] = true
	}
	if len(names) != 8 { // the client's and the server's is one
		t.Errorf("spans have the names %v, want 8", names)
	}
}

// A peer that answers with codes of its own makes no label sets.
func TestCodesOfPeers(t *testing.T) {
	r := newRecorder(t)
	method := &gozmq.Method{Procedure: "shop.v1.Orders/Place"}
	for code := range gozmq.Code(1000) {
		_, _ = r.Interceptor(t.Context(), &gozmq.CallInfo{Operation: gozmq.OperationCall, Method: method}, nil,
			func(context.Context, proto.Message) (proto.Message, error) {
				return nil, gozmq.Errorf(code-500, "made up")
			})
	}
	if points := pointsOf(t, r.metrics(t)["rpc.client.call.duration"]); len(points) != 16 {
		t.Errorf("1000 codes have %d label sets, want one for each code of google.rpc.Code", len(points))
	}
}

// More methods than are remembered are measured all the same.
func TestManyMethods(t *testing.T) {
	r := newRecorder(t)
	for i := range 2100 {
		method := &gozmq.Method{Procedure: fmt.Sprintf("shop.v1.Orders/Place%d", i)}
		_, _ = r.Interceptor(t.Context(), &gozmq.CallInfo{Operation: gozmq.OperationCall, Method: method}, nil,
			func(context.Context, proto.Message) (proto.Message, error) { return nil, nil })
	}
	r.wait(t, 2100)
	r.waitMetric(t, "rpc.client.call.duration", 2100)
}
