// Package pipeline carries tasks and results. With at-least-once delivery a
// Dispatcher queues a ventilator's tasks and hands them to workers, a Consumer
// receives them at the worker, a ResultSender sends results to sinks, and a
// ResultReceiver receives them there; a Puller is a sink that receives tasks
// directly from ventilators. BatchCounter counts the batches of a sink with either
// guarantee. With at-most-once delivery a PlainBatch counts the tasks of a batch at
// its ventilator, and a Collector queues the messages of a sink.
//
// The package speaks bytes: it knows neither users' messages nor codes nor options.
// Its errors are link.ErrClosed, the errors of the caller's context, and the kinds
// in errors.go; it reports events through the functions of the configurations.
package pipeline
