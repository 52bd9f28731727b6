// Package worker is the engine of workers: it takes tasks from ventilators, runs
// them, a number at once, and sends their results to sinks, with either guarantee.
//
// It speaks bytes. A Work is one task at whoever uses the engine: its message, its
// handler, and the context that the handler gets. The engine knows when it runs,
// how it ends on the wire, and what becomes of it when the worker stops.
package worker
