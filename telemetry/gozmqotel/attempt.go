package gozmqotel

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// attempts records the attempts of one call. A call with one attempt gets the
// attributes of its server; a call with several attempts also has a child span for
// each.
type attempts struct {
	telemetry *telemetry
	ctx       context.Context // of the call's span
	span      trace.Span
	operation *operation

	first gozmq.Attempt // that has ended
	ended int
	well  bool // one of them went well
}

// followAttempts records the attempts of a call below span, which is in ctx.
func (t *telemetry) followAttempts(ctx context.Context, o *operation, span trace.Span, call *gozmq.CallInfo) {
	call.OnAttempt((&attempts{telemetry: t, ctx: ctx, span: span, operation: o}).add)
}

// add is called with one attempt after another.
func (s *attempts) add(a *gozmq.Attempt) {
	s.ended++
	switch s.ended {
	case 1:
		s.first = *a
	case 2:
		s.record(&s.first)
		fallthrough
	default:
		s.record(a)
		s.span.SetAttributes(attribute.Int("rpc.gozmq.resend_count", s.ended-1))
	}
	if a.Peer != nil && !s.well { // the attempt that was answered, otherwise the last one
		s.span.SetAttributes(s.server(a.Peer)...)
	}
	s.well = s.well || a.Err == nil
}

// record makes a span of an attempt. No context of it has traveled: the server's
// span is below the call's.
func (s *attempts) record(a *gozmq.Attempt) {
	attributes := []attribute.KeyValue{
		semconv.RPCSystemNameKey.String(system),
		attribute.Int("rpc.gozmq.attempt.number", a.Number), attribute.String("rpc.gozmq.attempt.reason", a.Reason),
	}
	code := codeOf(a.Err)
	attributes = append(attributes, s.operation.ending(code).span...)
	if a.Peer != nil {
		attributes = append(attributes, s.server(a.Peer)...)
	}
	_, span := s.telemetry.tracer.Start(s.ctx, "attempt "+s.operation.spanName,
		trace.WithTimestamp(a.Start), trace.WithSpanKind(trace.SpanKindInternal), trace.WithAttributes(attributes...))
	if a.Err != nil {
		span.SetStatus(codes.Error, valid(a.Err.Error()))
	}
	span.End(trace.WithTimestamp(a.Start.Add(a.Duration)))
}

// server says where a server is, unless the program has said so (WithAttributes).
func (s *attempts) server(p *gozmq.Peer) []attribute.KeyValue {
	return slices.DeleteFunc(appendServer(nil, p), func(a attribute.KeyValue) bool {
		return slices.ContainsFunc(s.telemetry.attributes, func(own attribute.KeyValue) bool { return own.Key == a.Key })
	})
}

// appendServer says where a server is: its name, as it was dialed, and its address.
// A server that has dialed us has no name.
func appendServer(attributes []attribute.KeyValue, p *gozmq.Peer) []attribute.KeyValue {
	attributes = appendPeer(attributes, p)
	scheme, at, _ := strings.Cut(p.Endpoint, "://")
	switch scheme {
	case "tcp", "dns":
		host, port, err := net.SplitHostPort(at)
		if n, _ := strconv.Atoi(port); err == nil && strings.HasSuffix(p.Address, ":"+port) { // otherwise we have bound it
			attributes = append(attributes, semconv.ServerAddress(valid(host)), semconv.ServerPort(n))
		}
	case "ipc":
		if p.Address == at {
			attributes = append(attributes, semconv.ServerAddress(valid(at)))
		}
	default:
	}
	return attributes
}
