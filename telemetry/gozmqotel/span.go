package gozmqotel

import (
	"encoding/hex"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// describe adds what is particular to one call or message, which metrics must not
// have.
func describe(span trace.Span, call *gozmq.CallInfo) {
	attributes := make([]attribute.KeyValue, 0, 6) // most have no more
	if call.Peer != nil {
		attributes = appendPeer(attributes, call.Peer)
	}
	if call.Publication != nil {
		attributes = appendPublication(attributes, call.Publication)
	}
	if call.Task != nil {
		attributes = appendTask(attributes, call.Task)
	}
	span.SetAttributes(attributes...)
}

// appendPublication says which publication it is. What the conventions have no
// name for is below the name of the system, as they ask.
func appendPublication(attributes []attribute.KeyValue, p *gozmq.PublicationInfo) []attribute.KeyValue {
	if p.Topic != "" {
		attributes = append(attributes, semconv.MessagingDestinationName(valid(p.Topic)))
	}
	if p.Sequence != 0 {
		attributes = append(attributes, attribute.Int64("messaging.gozmq.message.sequence", int64(p.Sequence)))
	}
	if p.Replayed {
		attributes = append(attributes, attribute.Bool("messaging.gozmq.message.replayed", true))
	}
	return attributes
}

// appendTask says which task it is, and which attempt.
func appendTask(attributes []attribute.KeyValue, i *gozmq.TaskInfo) []attribute.KeyValue {
	if i.ID != "" {
		attributes = append(attributes, semconv.MessagingMessageID(hex.EncodeToString([]byte(i.ID))))
	}
	if i.Attempt != 0 {
		attributes = append(attributes, attribute.Int("messaging.gozmq.message.delivery_attempt", i.Attempt))
	}
	if i.Batch != "" {
		attributes = append(attributes, attribute.String("messaging.gozmq.batch.name", valid(i.Batch)))
	}
	return attributes
}

// valid returns s as an exporter takes it: one string that is not UTF-8 would
// keep it from sending all spans of its batch.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// appendPeer says where a peer is.
func appendPeer(attributes []attribute.KeyValue, p *gozmq.Peer) []attribute.KeyValue {
	host, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		host = p.Address
	}
	if host != "" {
		attributes = append(attributes, semconv.NetworkPeerAddress(valid(host)))
	}
	if n, err := strconv.Atoi(port); err == nil && n > 0 {
		attributes = append(attributes, semconv.NetworkPeerPort(n))
	}
	switch scheme, _, _ := strings.Cut(p.Endpoint, "://"); scheme {
	case "tcp":
		attributes = append(attributes, semconv.NetworkTransportTCP)
	case "ipc":
		attributes = append(attributes, semconv.NetworkTransportUnix)
	default:
	}
	return attributes
}

// recordMessages records each message of a stream as an event.
func recordMessages(span trace.Span, call *gozmq.CallInfo) {
	if !call.Method.ClientStreams && !call.Method.ServerStreams {
		return
	}
	var in, out atomic.Int64
	call.OnMessage(func(_ proto.Message, sent bool) error {
		name, n := "message received", &in
		if sent {
			name, n = "message sent", &out
		}
		span.AddEvent(name, trace.WithAttributes(attribute.Int64("rpc.message.id", n.Add(1))))
		return nil
	})
}

// end ends a span.
func end(span trace.Span, e *ending, err error, opts ...trace.SpanEndOption) {
	if span.IsRecording() {
		span.SetAttributes(e.span...)
		if e.failed {
			description := "panic"
			if err != nil {
				description = err.Error()
			}
			span.SetStatus(codes.Error, valid(description))
		}
	}
	span.End(opts...)
}
