package gozmq

import "context"

// TaskInfo is what a worker knows of the task that it runs. It must not be
// changed.
type TaskInfo struct {
	// Method describes the task.
	Method *Method
	// ID names the task in all of its attempts, also after its ventilator was
	// restarted. With DeliveryAtMostOnce it is empty.
	ID string
	// Attempt is how often the task has been handed out, this time included; 0
	// when it is not known.
	Attempt int
	// Batch is the name of the batch that the task belongs to, or empty.
	Batch string
}

type taskInfoKey struct{}

// TaskInfoFromContext returns what is known of the task in whose handler, or to
// whose WithTaskErrorHandler, ctx was given; nil elsewhere.
func TaskInfoFromContext(ctx context.Context) *TaskInfo {
	info, _ := ctx.Value(taskInfoKey{}).(*TaskInfo)
	return info
}
