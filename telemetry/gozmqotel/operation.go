package gozmqotel

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// system is the value of rpc.system.name and of messaging.system.
const system = "gozmq"

// A verb is the conventions' name of a gozmq.Operation.
type verb struct {
	name     string             // messaging.operation.name; "" for calls
	category attribute.KeyValue // messaging.operation.type
	kind     trace.SpanKind
	sends    bool
}

// verbOf returns false for an operation of a later version of gozmq.
func verbOf(o gozmq.Operation) (v verb, ok bool) {
	switch o {
	case gozmq.OperationCall:
		v = verb{kind: trace.SpanKindClient, sends: true}
	case gozmq.OperationServe:
		v = verb{kind: trace.SpanKindServer}
	case gozmq.OperationPublish:
		v = verb{"publish", semconv.MessagingOperationTypeSend, trace.SpanKindProducer, true}
	case gozmq.OperationPush:
		v = verb{"push", semconv.MessagingOperationTypeSend, trace.SpanKindProducer, true}
	case gozmq.OperationReceive:
		v = verb{"process", semconv.MessagingOperationTypeProcess, trace.SpanKindConsumer, false}
	case gozmq.OperationRun:
		v = verb{"run", semconv.MessagingOperationTypeProcess, trace.SpanKindConsumer, false}
	case gozmq.OperationResult:
		v = verb{"collect", semconv.MessagingOperationTypeProcess, trace.SpanKindConsumer, false}
	default:
		return verb{}, false
	}
	return v, true
}

// An operation is shared by all calls of a method, or all messages of a topic. It
// is immutable except for its endings.
type operation struct {
	verb

	of       gozmq.Operation
	spanName string
	start    []trace.SpanStartOption
	measured []attribute.KeyValue
	settles  [numOutcomes]*operation              // nil: this one settles nothing
	receives *operation                           // nil: no loop receives it
	endings  [panicked + 1]atomic.Pointer[ending] // by code, made when needed
}

// newOperation describes an operation.
func newOperation(key operationKey, v verb, more []attribute.KeyValue) *operation {
	o := &operation{verb: v, of: key.operation}
	if v.name == "" {
		o.spanName = key.procedure
		o.measured = append(o.measured, semconv.RPCSystemNameKey.String(system), semconv.RPCMethod(key.procedure))
	} else {
		destination := semconv.MessagingDestinationName(key.procedure) // of a few only
		o.spanName = v.name + " " + key.procedure
		if key.template != "" {
			destination = semconv.MessagingDestinationTemplate(key.template)
			o.spanName = v.name + " " + key.template
		}
		o.measured = append(o.measured, semconv.MessagingSystemKey.String(system), semconv.MessagingOperationName(v.name), destination)
	}
	o.measured = append(o.measured, more...)
	attributes := slices.Clone(o.measured)
	if v.name != "" {
		attributes = append(attributes, v.category)
	}
	o.start = []trace.SpanStartOption{trace.WithSpanKind(v.kind), trace.WithAttributes(attributes...)}
	return o
}

// An ending is what all operations have in common that ended with the same code.
type ending struct {
	failed   bool
	span     []attribute.KeyValue
	duration []metric.RecordOption
	count    []metric.AddOption
}

// ending returns the ending for a code.
func (o *operation) ending(code gozmq.Code) *ending {
	if e := o.endings[code].Load(); e != nil {
		return e
	}
	e := &ending{failed: failed(o.of, code)}
	if o.name == "" {
		e.span = append(e.span, semconv.RPCResponseStatusCode(nameOf(code)))
	}
	if e.failed {
		e.span = append(e.span, errorType(code))
	}
	measured := append(slices.Clip(o.measured), e.span...)
	e.count = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(measured...))}
	if o.name != "" && o.category != semconv.MessagingOperationTypeProcess { // messaging.client.operation.duration alone has the type
		measured = append(measured, o.category)
	}
	e.duration = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(measured...))}
	o.endings[code].Store(e)
	return e
}

// settling returns the operation that settles a message, as outcome says.
func (o *operation) settling(outcome string) *operation {
	for i, name := range outcomes {
		if name == outcome {
			return o.settles[i]
		}
	}
	return o.settles[numOutcomes-1]
}

// An operationKey says which calls or messages belong to one operation.
type operationKey struct {
	operation           gozmq.Operation
	procedure, template string
}

// maxOperations bounds the operations that are kept; others are described again
// each time. It is also a meter provider's limit for the label sets of an
// instrument.
const maxOperations = 2000

// operations are the operations seen so far.
type operations struct {
	more []attribute.KeyValue
	mu   sync.Mutex // for writers
	seen atomic.Pointer[map[operationKey]*operation]
}

// of returns the operation of a call or a message; nil for one that is unknown.
func (s *operations) of(call *gozmq.CallInfo) *operation {
	key := operationKey{operation: call.Operation, procedure: call.Method.Procedure, template: call.Method.TopicTemplate}
	seen := s.seen.Load()
	if seen != nil {
		if o := (*seen)[key]; o != nil {
			return o
		}
	}
	v, ok := verbOf(call.Operation)
	if !ok {
		return nil
	}
	o := newOperation(key, v, s.more)
	if key.operation == gozmq.OperationRun || key.operation == gozmq.OperationResult {
		for i, name := range outcomes {
			o.settles[i] = newOperation(key, verb{name, semconv.MessagingOperationTypeSettle, trace.SpanKindClient, true}, s.more)
		}
	}
	if key.operation == gozmq.OperationReceive || key.operation == gozmq.OperationResult {
		o.receives = newOperation(key, receiving, s.more)
	}
	return s.add(key, o)
}

// add keeps o, and returns the one that is kept.
func (s *operations) add(key operationKey, o *operation) *operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	grown := make(map[operationKey]*operation)
	if seen := s.seen.Load(); seen != nil {
		if earlier := (*seen)[key]; earlier != nil || len(*seen) >= maxOperations {
			if earlier != nil {
				return earlier
			}
			return o
		}
		maps.Copy(grown, *seen)
	}
	grown[key] = o
	s.seen.Store(&grown)
	return o
}
