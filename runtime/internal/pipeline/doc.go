// Package pipeline carries tasks and results. With at-least-once delivery a
// Dispatcher queues a ventilator's tasks and hands them to workers, a Consumer
// takes them at the worker, a ResultSender brings results to sinks, and a
// ResultReceiver takes them there; a Puller is a sink that takes tasks straight
// from ventilators. BatchCounter counts the batches of a sink with either
// guarantee. With at-most-once delivery a PlainBatch counts the tasks of a batch at
// its ventilator, and a Collector queues what a sink reads.
//
// The package speaks bytes: it knows no messages of users, no codes and no
// options. Its errors are link.ErrClosed, those of the caller's context, and
// the kinds in errors.go; events are reported through the functions of the
// configs.
package pipeline
