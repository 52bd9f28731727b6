// Package gozmqotel traces and measures every pattern with OpenTelemetry. It is a
// separate module, so that programs without OpenTelemetry do not depend on it.
//
// [New] returns one interceptor, which is for every role:
//
//	telemetry, err := gozmqotel.New()
//	...
//	conn, err := gozmq.Dial(gozmq.Connect(endpoint), gozmq.WithInterceptors(telemetry))
//
// # Traces
//
// A span's parent is the span in the context of the call, publication or task, and
// its context is sent in the metadata, in the propagator's form. Names and
// attributes follow OpenTelemetry's semantic conventions, version 1.43.0.
//
//	role                       span                              kind      parent
//	client                     package.Service/Method            CLIENT    its context
//	server                     package.Service/Method            SERVER    the client's span
//	publisher                  publish weather/{station}         PRODUCER  its context
//	subscriber                 process weather/{station}         CONSUMER  the publisher's span, and a link to it
//	ventilator                 push package.Service/Method       PRODUCER  its context
//	worker, for each attempt   run package.Service/Method        CONSUMER  the ventilator's span, and a link to it
//	sink                       collect package.Service/Method    CONSUMER  the worker's span, and a link to it
//	puller                     collect package.Service/Method    CONSUMER  the ventilator's span, and a link to it
//	worker, sink, puller       ack package.Service/Method        CLIENT    the span of the handler, or of the body
//
// The last one is for DELIVERY_AT_LEAST_ONCE, and named after the outcome: ack,
// nack, reject, or settle if the connection had ended first. With
// [WithReceiveSpans] a loop's wait for a message has a span, too. [Create] begins
// the span of a task that is stored now and sent later.
//
// A call that was retried, hedged or moved to another server also has a child span
// "attempt package.Service/Method" for each attempt.
//
// A stream has one span, from its beginning to its end. A span of a loop ends when
// the loop's body does. If a loop, or the Run of a worker, already has a span in
// its context, that span is the parent, and the message's span is only linked;
// [WithoutRemoteParents] does so everywhere.
//
// With bare framing only the body is sent, so the receiver begins a new trace.
//
// # Metrics
//
//	rpc.client.call.duration             client
//	rpc.server.call.duration             server
//	messaging.client.sent.messages       publisher, ventilator
//	messaging.client.operation.duration  publisher, ventilator; a loop that receives; whoever settles
//	messaging.client.consumed.messages   subscriber, worker, sink, puller
//	messaging.process.duration           subscriber, worker, sink, puller
//
// Their attributes are the system (gozmq), the method or the topic's template, the
// operation, and how it ended: rpc.response.status_code and error.type, which are
// the names of google.rpc.Code, or "panic". They contain no address, topic, task or
// batch, so that the number of label sets is at most the number of methods times
// the number of outcomes, however many peers connect.
package gozmqotel
