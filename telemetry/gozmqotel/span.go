package gozmqotel

import (
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
	if call.Peer != nil {
		span.SetAttributes(peerAttributes(call.Peer)...)
	}
}

// peerAttributes says where a peer is.
func peerAttributes(p *gozmq.Peer) (attributes []attribute.KeyValue) {
	host, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		host = p.Address
	}
	if host != "" {
		attributes = append(attributes, semconv.NetworkPeerAddress(host))
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
func end(span trace.Span, e *ending, err error) {
	if span.IsRecording() {
		span.SetAttributes(e.span...)
		if e.failed {
			description := "panic"
			if err != nil {
				description = err.Error()
			}
			span.SetStatus(codes.Error, description)
		}
	}
	span.End()
}
