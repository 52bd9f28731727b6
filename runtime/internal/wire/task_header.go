package wire

import (
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// A TaskHeader is the optional last frame of a task and of its result.
type TaskHeader struct {
	Attempt int           // the number of this attempt, from 1; 0: unknown
	Lease   time.Duration // how long the worker may hold it; 0: without limit
	Batch   *Batch        // the task's batch; nil: none
	Stop    bool          // with DELIVERY_AT_MOST_ONCE: the worker should end

	Metadata       Metadata // the task's; nil: none
	ResultMetadata Metadata // in a result: the worker's additions; nil: none

	KeepResult int // of how many bytes, up to MaxKeptResult, the ventilator keeps the result; 0: none
}

// A Batch names the batch of a task. In a notice, which has no procedure, it also
// has the state of the batch.
type Batch struct {
	ID       []byte
	Name     string
	Ended    bool   // no more tasks will come; Tasks is their number
	Tasks    uint64 // the number of tasks
	Complete bool   // every task was done or given up, and every result acknowledged
	Failed   uint64 // how many tasks were given up
	Failures []BatchFailure

	Ventilator []byte      // the id of the ventilator that sent its tasks
	Error      *BatchError // why the batch is over without being complete; nil: it is not
}

// A BatchError is why a batch is over without being complete.
type BatchError struct {
	Code    int32
	Message string
}

// A BatchFailure is a task of a batch that was given up.
type BatchFailure struct {
	Task      []byte // its id
	Procedure string
	Attempts  int
	Code      int32 // of the reason
	Message   string
}

// MaxKeptResult is the largest result that a ventilator keeps, in bytes.
const MaxKeptResult = 1 << 20

const (
	// MaxBatchID and MaxBatchName are the largest id, also of a ventilator, and
	// name of a batch, in bytes.
	MaxBatchID   = 255
	MaxBatchName = 1 << 10

	// A header shares 64 KiB with all frames other than the body; the failures of a
	// batch take less than half of that.
	maxFailureBytes = 24 << 10
	maxFailureText  = 1 << 10
)

// maxDuration is longer than any sensible duration, and far from an overflow.
const maxDuration = 365 * 24 * time.Hour

// AppendTaskHeader appends the encoded header to b. If b ends with another header,
// protobuf merges the two.
func AppendTaskHeader(b []byte, h TaskHeader) []byte {
	m := &gozmqv1.TaskHeader{
		Attempt: uint32(h.Attempt), LeaseUs: uint64(h.Lease.Microseconds()), Stop: h.Stop, Batch: h.Batch.message(),
		Metadata: h.Metadata.list(), ResultMetadata: h.ResultMetadata.list(), KeepResult: uint32(h.KeepResult),
	}
	out, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		return b // never: there are no required fields, and all strings are valid by now
	}
	return out
}

func (b *Batch) message() *gozmqv1.Batch {
	if b == nil {
		return nil
	}
	m := &gozmqv1.Batch{
		Id: b.ID, Name: utf8(b.Name), Ended: b.Ended, Tasks: b.Tasks, Complete: b.Complete, Failed: b.Failed,
		Ventilator: b.Ventilator,
	}
	if b.Error != nil {
		m.Error = &gozmqv1.Status{Code: b.Error.Code, Message: utf8(b.Error.Message)}
	}
	room := maxFailureBytes
	for _, f := range b.Failures {
		text := utf8(f.Message[:min(len(f.Message), room/2, maxFailureText)])
		m.Failures = append(m.Failures, &gozmqv1.Batch_Failure{
			Task: f.Task, Method: f.Procedure, Attempts: uint32(f.Attempts),
			Reason: &gozmqv1.Status{Code: f.Code, Message: text},
		})
		room -= len(text)
	}
	return m
}

func utf8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// taskHeaders keeps messages to decode into. A decoded header refers to none of
// them.
var taskHeaders = sync.Pool{New: func() any { return new(gozmqv1.TaskHeader) }}

// ParseTaskHeader decodes a header. A malformed header counts as absent, and so
// does metadata that is not allowed.
func ParseTaskHeader(b []byte) (h TaskHeader) {
	if h, ok := parsePlain(b); ok {
		return h
	}
	return parseAny(b)
}

// parseAny decodes any header (ParseTaskHeader).
func parseAny(b []byte) (h TaskHeader) {
	m := taskHeaders.Get().(*gozmqv1.TaskHeader)
	defer taskHeaders.Put(m)
	if proto.Unmarshal(b, m) != nil {
		return h
	}
	h.Attempt, h.Stop = int(m.GetAttempt()), m.GetStop()
	h.Lease = lease(m.GetLeaseUs())
	h.KeepResult = int(min(m.GetKeepResult(), MaxKeptResult))
	if b := m.GetBatch(); b != nil {
		h.Batch = batchFrom(b)
	}
	h.Metadata, h.ResultMetadata = allowed(m.GetMetadata()), allowed(m.GetResultMetadata())
	return h
}

// parsePlain decodes a header that has nothing but the two fields that every
// attempt of a task has, as most have; ok is false for any other.
func parsePlain(b []byte) (h TaskHeader, ok bool) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 || kind != protowire.VarintType || field != fieldAttempt && field != fieldLease {
			return h, false
		}
		value, m := protowire.ConsumeVarint(b[n:])
		if m < 0 {
			return h, false
		}
		if field == fieldAttempt {
			h.Attempt = int(uint32(value))
		} else {
			h.Lease = lease(value)
		}
		b = b[n+m:]
	}
	return h, true
}

// allowed returns the entries of a header, nil if there are none or they break the
// rules.
func allowed(list []*gozmqv1.Metadatum) Metadata {
	m, err := parseMetadata(list)
	if err != nil {
		return nil
	}
	return m
}

// lease returns a duration that a peer has chosen.
func lease(us uint64) time.Duration {
	return time.Duration(min(us, uint64(maxDuration/time.Microsecond))) * time.Microsecond
}

// BatchName returns the name of the batch that the header names, "" for none.
func (h *TaskHeader) BatchName() string {
	if h.Batch == nil {
		return ""
	}
	return h.Batch.Name
}

func batchFrom(m *gozmqv1.Batch) *Batch {
	b := &Batch{
		ID: m.GetId(), Name: m.GetName(), Ended: m.GetEnded(), Tasks: m.GetTasks(), Complete: m.GetComplete(), Failed: m.GetFailed(),
		Ventilator: m.GetVentilator(),
	}
	if e := m.GetError(); e != nil {
		b.Error = &BatchError{e.GetCode(), e.GetMessage()}
	}
	for _, f := range m.GetFailures() {
		b.Failures = append(b.Failures, BatchFailure{
			Task: f.GetTask(), Procedure: f.GetMethod(), Attempts: int(f.GetAttempts()),
			Code: f.GetReason().GetCode(), Message: f.GetReason().GetMessage(),
		})
	}
	return b
}

// BatchOf returns the batch that a header names. It returns nil when there is none,
// and when its id, its name or its ventilator's id has an invalid size.
func BatchOf(header []byte) *Batch {
	m := new(gozmqv1.TaskHeader)
	if proto.Unmarshal(header, m) != nil || m.GetBatch() == nil {
		return nil
	}
	b := batchFrom(m.GetBatch())
	if len(b.ID) == 0 || len(b.ID) > MaxBatchID || len(b.Ventilator) > MaxBatchID || len(b.Name) > MaxBatchName {
		return nil
	}
	return b
}
