// Package worker is the engine of workers: it receives tasks from ventilators, runs
// several at once, and sends their results to sinks, with either guarantee.
//
// It speaks bytes. A Work is one task from the view of the engine's user: its
// message, its handler, and the handler's context. The engine decides when it runs,
// how its end is reported on the wire, and what happens to it when the worker
// stops.
package worker
