package gozmq

import "context"

// TaskInfo describes a task to the worker that runs it. It must not be changed.
type TaskInfo struct {
	// Method describes the task.
	Method *Method
	// ID identifies the task in all of its attempts, also after a restart of
	// its ventilator. With DeliveryAtMostOnce it is empty.
	ID string
	// Attempt is the number of this attempt, 1 for the first; 0 when it is not
	// known.
	Attempt int
	// Batch is the name of the batch that the task belongs to, or empty.
	Batch string
}

type taskInfoKey struct{}

// TaskInfoFromContext returns the description of a task, given the context of
// its handler or WithTaskErrorHandler; nil for any other context.
func TaskInfoFromContext(ctx context.Context) *TaskInfo {
	info, _ := ctx.Value(taskInfoKey{}).(*TaskInfo)
	return info
}
