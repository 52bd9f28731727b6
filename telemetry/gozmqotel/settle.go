package gozmqotel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// outcomes are those of gozmq.CallInfo.OnSettle that have a name as an operation;
// the last one stands for any other, in which no peer was left to be told.
var outcomes = [...]string{"ack", "nack", "reject", "settle"}

const numOutcomes = len(outcomes)

// A settlement records how a task or a result was settled, from the end of its
// handler on.
type settlement struct {
	telemetry *telemetry
	ctx       context.Context // of the span of the handler
	operation *operation
	call      *gozmq.CallInfo
	begun     time.Time
}

// followSettlement records how a message is settled, below the span in ctx; it
// returns nil when nothing will be, or nobody wants to know.
func (t *telemetry) followSettlement(ctx context.Context, o *operation, call *gozmq.CallInfo) *settlement {
	if o.settles[0] == nil || call.Task == nil || call.Task.ID == "" {
		return nil // with at-most-once delivery, tasks have no ids
	}
	if !t.operation.Enabled(ctx) && !trace.SpanFromContext(ctx).IsRecording() {
		return nil
	}
	s := &settlement{telemetry: t, ctx: ctx, operation: o, call: call}
	call.OnSettle(s.add)
	return s
}

// add is called once.
func (s *settlement) add(outcome string, err error) {
	o := s.operation.settling(outcome)
	e := o.ending(0)
	if outcome == "lost" {
		e = o.ending(codeOf(err))
	} else {
		err = nil // it is that of the handler, whose span has it
	}
	ended := time.Now()
	if trace.SpanFromContext(s.ctx).IsRecording() || trace.SpanContextFromContext(s.ctx).IsSampled() {
		_, span := s.telemetry.tracer.Start(s.ctx, o.spanName, append(o.start[:len(o.start):len(o.start)], trace.WithTimestamp(s.begun))...)
		if span.IsRecording() {
			describe(span, s.call)
		}
		end(span, e, err, trace.WithTimestamp(ended))
	}
	s.telemetry.measure(s.ctx, o, e, ended.Sub(s.begun))
}
