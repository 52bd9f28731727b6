package gozmq

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// The first frames of the messages of pipelines with delivery at least once.
const (
	wordCredit = "CREDIT" // worker: how many tasks it is willing to hold
	wordDone   = "DONE"   // worker: the task is done, and the sink has its result
	wordFail   = "FAIL"   // worker: the task failed, and may be tried again
	wordReject = "REJECT" // worker: the task failed for good
	wordReturn = "RETURN" // worker: the task was not begun, another may have it
	wordExtend = "EXTEND" // worker: the lease is to begin anew
	wordTask   = "TASK"   // ventilator: a task
	wordStop   = "STOP"   // ventilator: the worker is to end
	wordResult = "RESULT" // worker, to the sink: a result
	wordAck    = "ACK"    // sink: the result is dealt with
)

// maxTaskID is the largest id of a task, in bytes.
const maxTaskID = 255

// A taskFrames is a TASK or a RESULT as it came. Its bytes are the message's.
type taskFrames struct{ id, method, body, header []byte }

// parseTaskFrames takes the frames of a TASK or RESULT apart.
func parseTaskFrames(frames [][]byte) (f taskFrames, err error) {
	if len(frames) < 4 {
		return f, fmt.Errorf("%s has %d frames, want an id, a method, a body and at most a header behind it", cut(frames[0]), len(frames))
	}
	if n := len(frames[1]); n == 0 || n > maxTaskID {
		return f, fmt.Errorf("%s has an id of %d bytes, want 1 to %d", cut(frames[0]), n, maxTaskID)
	}
	f = taskFrames{id: frames[1], method: frames[2], body: frames[3]}
	if len(frames) > 4 {
		f.header = frames[4]
	}
	return f, nil
}

// clone returns the frames in memory of their own.
func (f taskFrames) clone() taskFrames {
	b := make([]byte, 0, len(f.id)+len(f.method)+len(f.body)+len(f.header))
	own := func(part []byte) []byte {
		start := len(b)
		b = append(b, part...)
		return b[start:len(b):len(b)]
	}
	return taskFrames{own(f.id), own(f.method), own(f.body), own(f.header)}
}

// parseTaskHeader decodes a header; one that is malformed is as none.
func parseTaskHeader(b []byte) *gozmqv1.TaskHeader {
	h := new(gozmqv1.TaskHeader)
	if proto.Unmarshal(b, h) != nil {
		h.Reset()
	}
	return h
}

// The largest id and name of a batch, in bytes.
const (
	maxBatchID   = 255
	maxBatchName = 1 << 10
)

// batchIn returns the batch that a header names, nil when there is none or it
// cannot be one.
func batchIn(header []byte) *gozmqv1.Batch {
	b := parseTaskHeader(header).GetBatch()
	if n := len(b.GetId()); n == 0 || n > maxBatchID || len(b.GetName()) > maxBatchName {
		return nil
	}
	return b
}

// TaskInfo is what a worker knows of the task that it does. It must not be
// changed.
type TaskInfo struct {
	// Method describes the task.
	Method *Method
	// ID names the task in all of its attempts; the same task has the same one
	// after its ventilator was restarted. Empty at most once.
	ID string
	// Attempt is how often the task has been handed out, this time included; 0
	// when it is not known.
	Attempt int
	// Batch is the name of the batch that the task belongs to, or empty.
	Batch string
}

type taskInfoKey struct{}

// TaskInfoFromContext returns what is known of the task in whose handler, or to
// whose WithTaskErrors, ctx was given; nil elsewhere.
func TaskInfoFromContext(ctx context.Context) *TaskInfo {
	info, _ := ctx.Value(taskInfoKey{}).(*TaskInfo)
	return info
}

func microseconds(us uint64) time.Duration {
	const most = uint64(365 * 24 * time.Hour / time.Microsecond)
	return time.Duration(min(us, most)) * time.Microsecond
}
