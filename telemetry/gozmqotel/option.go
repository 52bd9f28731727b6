package gozmqotel

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// An Option is an option of New.
type Option interface{ apply(c *config) }

type option func(c *config)

func (o option) apply(c *config) { o(c) }

type config struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	filter     func(call *gozmq.CallInfo) bool
	attributes []attribute.KeyValue
	messages   bool // each message of a stream is an event
	receives   bool // a loop's wait for a message has a span
	apart      bool // a remote span is linked, and never the parent
}

func newConfig(opts []Option) config {
	c := config{tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider(), propagator: otel.GetTextMapPropagator()}
	for _, o := range opts {
		o.apply(&c)
	}
	return c
}

// WithTracerProvider sets where spans go. The default is otel.GetTracerProvider.
func WithTracerProvider(p trace.TracerProvider) Option {
	return option(func(c *config) { c.tracers = p })
}

// WithMeterProvider sets where measurements go. The default is
// otel.GetMeterProvider.
func WithMeterProvider(p metric.MeterProvider) Option {
	return option(func(c *config) { c.meters = p })
}

// WithPropagator sets how contexts travel in metadata. The default is
// otel.GetTextMapPropagator, which writes nothing until the program has set one:
//
//	otel.SetTextMapPropagator(propagation.TraceContext{})
func WithPropagator(p propagation.TextMapPropagator) Option {
	return option(func(c *config) { c.propagator = p })
}

// WithFilter ignores the calls, publications and tasks for which keep
// returns false: they have no span, are not measured, and their metadata is
// neither read nor written.
func WithFilter(keep func(call *gozmq.CallInfo) bool) Option {
	return option(func(c *config) { c.filter = keep })
}

// WithAttributes adds attributes to every span and every measurement, such as
// semconv.ServerAddress("orders") for the interceptor of one Conn. They should have
// few values.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return option(func(c *config) { c.attributes = append(c.attributes, attributes...) })
}

// WithMessageEvents records each message of a stream as an event of its span. A
// span keeps as many events as its provider allows (128 by default).
func WithMessageEvents() Option {
	return option(func(c *config) { c.messages = true })
}

// WithReceiveSpans adds a span to each message that a loop gets, "receive
// weather/{station}": from the time when the loop asked for the message until it
// came. The span of the loop's body is below it, and INTERNAL. The metric
// messaging.client.operation.duration has this time without the option, too.
func WithReceiveSpans() Option {
	return option(func(c *config) { c.receives = true })
}

// WithoutRemoteParents has servers and consumers begin traces of their own,
// which link to the span that the peer sent. It is for peers that are not to
// decide what is sampled, and for publications with so many subscribers that
// one trace cannot hold them.
func WithoutRemoteParents() Option {
	return option(func(c *config) { c.apart = true })
}
