package wire

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Verb is the first frame of every message of a pipeline with
// DELIVERY_AT_LEAST_ONCE.
type Verb string

// The verbs, each with its sender.
const (
	VerbCredit Verb = "CREDIT" // worker: how many tasks it is willing to hold at once
	VerbDone   Verb = "DONE"   // worker: the task is done, and the sink has its result
	VerbFail   Verb = "FAIL"   // worker: the task failed, and may be tried again
	VerbReject Verb = "REJECT" // worker: the task failed for good
	VerbReturn Verb = "RETURN" // worker: the task was not begun, another worker may have it
	VerbExtend Verb = "EXTEND" // worker: the task was begun, and its lease should start again
	VerbTask   Verb = "TASK"   // ventilator: a task
	VerbStop   Verb = "STOP"   // ventilator: the worker should end
	VerbCancel Verb = "CANCEL" // ventilator: a task is canceled, and its handler should end
	VerbResult Verb = "RESULT" // worker, to the sink: a result
	VerbAck    Verb = "ACK"    // sink: it has handled the result; with REJECT it refuses it
)

const (
	// MaxTaskID is the largest id of a task, in bytes.
	MaxTaskID = 255
	// MaxCredit is the largest credit that a worker can grant.
	MaxCredit = 65536

	maxCreditDigits = 10
)

// ErrUnknownVerb says that a peer sent a verb that its role does not send.
var ErrUnknownVerb = errors.New("unknown verb")

// Excerpt returns the beginning of a name that a peer chose, short enough for a
// log.
func Excerpt(name []byte) []byte { return name[:min(len(name), 128)] }

// A WorkerCommand is a message of a worker to its ventilator.
type WorkerCommand struct {
	Verb    Verb
	Credit  int    // of CREDIT
	Cancels bool   // of CREDIT: the worker knows CANCEL
	ID      []byte // of the task, with every other verb
	Status  []byte // of FAIL and REJECT: an encoded gozmq.v1.Status; nil: none
	Result  []byte // of DONE: the result that the ventilator keeps; nil: none
	Attempt int    // of EXTEND: the attempt that the worker runs; 0: not stated
	Handled bool   // of EXTEND: the handler has returned, and the result waits for a sink
	Again   bool   // of EXTEND: the ventilator that sent the task is gone; it must be sent again

	Progress *Progress // of EXTEND: the task's progress; nil: not reported
}

// AppendMessage appends the command's frames to b (socket.Message).
func (c WorkerCommand) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(c.Verb))
	switch {
	case c.Verb == VerbCredit:
		return c.appendCredit(b), nil
	case c.Verb == VerbExtend && (c.Attempt > 0 || c.Handled || c.Again || c.Progress != nil):
		return c.appendExtend(b), nil
	}
	third := c.Status
	if c.Verb == VerbDone {
		third = c.Result
	}
	if third == nil {
		return zmtp.AppendFrame(b, 0, c.ID), nil
	}
	b = zmtp.AppendFrame(b, zmtp.FlagMore, c.ID)
	return zmtp.AppendFrame(b, 0, third), nil
}

// cancels is the third frame of a CREDIT.
const cancels = "cancel"

func (c WorkerCommand) appendCredit(b []byte) []byte {
	credit := strconv.AppendInt(nil, int64(c.Credit), 10)
	if !c.Cancels {
		return zmtp.AppendFrame(b, 0, credit)
	}
	b = zmtp.AppendFrame(b, zmtp.FlagMore, credit)
	return zmtp.AppendFrameString(b, 0, cancels)
}

// The fourth and the fifth frame of an EXTEND.
const (
	handled = "handled"
	again   = "again"
)

func (c WorkerCommand) appendExtend(b []byte) []byte {
	var attempt []byte
	if c.Attempt > 0 {
		attempt = strconv.AppendInt(nil, int64(c.Attempt), 10)
	}
	b = zmtp.AppendFrame(b, zmtp.FlagMore, c.ID)
	if !c.Handled && !c.Again && c.Progress == nil {
		return zmtp.AppendFrame(b, 0, attempt)
	}
	b = zmtp.AppendFrame(b, zmtp.FlagMore, attempt)
	fourth := ""
	if c.Handled {
		fourth = handled
	}
	if !c.Again && c.Progress == nil {
		return zmtp.AppendFrameString(b, 0, fourth)
	}
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, fourth)
	fifth := ""
	if c.Again {
		fifth = again
	}
	if c.Progress == nil {
		return zmtp.AppendFrameString(b, 0, fifth)
	}
	return c.Progress.append(zmtp.AppendFrameString(b, zmtp.FlagMore, fifth))
}

// ParseWorkerCommand parses a message of a worker. The command refers to the memory
// of frames. Frames beyond those that the verb has are ignored.
func ParseWorkerCommand(frames [][]byte) (WorkerCommand, error) {
	c := WorkerCommand{Verb: knownVerb(frames[0], VerbCredit, VerbDone, VerbFail, VerbReject, VerbReturn, VerbExtend)}
	switch {
	case len(frames) < 2:
		return c, fmt.Errorf("%q has no second frame", Excerpt(frames[0]))
	case c.Verb == "":
		return c, fmt.Errorf("%q: %w", Excerpt(frames[0]), ErrUnknownVerb)
	case c.Verb == VerbCredit:
		var err error
		c.Credit, err = parseCredit(frames[1])
		c.Cancels = len(frames) > 2 && string(frames[2]) == cancels
		return c, err
	case len(frames[1]) > MaxTaskID:
		return c, fmt.Errorf("%s: an id has %d bytes, want at most %d", c.Verb, len(frames[1]), MaxTaskID)
	}
	c.ID = frames[1]
	switch {
	case len(frames) < 3:
	case c.Verb == VerbExtend:
		c.Attempt = parseAttempt(frames[2])
		c.Handled = len(frames) > 3 && string(frames[3]) == handled
		c.Again = len(frames) > 4 && string(frames[4]) == again
		if len(frames) > 5 {
			c.Progress = parseProgress(frames[5:])
		}
	case c.Verb == VerbDone:
		c.Result = frames[2]
		if c.Result == nil {
			c.Result = []byte{} // a result without a byte is one, too
		}
	case len(frames[2]) > 0:
		c.Status = frames[2]
	}
	return c, nil
}

// parseAttempt returns 0 for text that is not an attempt's number.
func parseAttempt(text []byte) int {
	n, err := strconv.ParseUint(string(Excerpt(text)), 10, 31)
	if err != nil || len(text) > maxCreditDigits {
		return 0
	}
	return int(n)
}

func parseCredit(text []byte) (int, error) {
	n, err := strconv.ParseUint(string(Excerpt(text)), 10, 32)
	if err != nil || n > MaxCredit || len(text) > maxCreditDigits {
		return 0, fmt.Errorf("CREDIT %q, want a decimal number of 0 to %d", Excerpt(text), MaxCredit)
	}
	return int(n), nil
}

// knownVerb returns frame as one of verbs, or "" if it is none of them. It
// allocates nothing.
func knownVerb(frame []byte, verbs ...Verb) Verb {
	for _, v := range verbs {
		if string(frame) == string(v) {
			return v
		}
	}
	return ""
}

// A Task is the content of a TASK or of a RESULT, whose frames are the same.
type Task struct {
	ID, Procedure, Body []byte
	Header              []byte // an encoded TaskHeader; nil: none
}

// Control reports whether the message is a notice and not a task: it has no
// procedure, and its header should name a batch.
func (t *Task) Control() bool { return len(t.Procedure) == 0 }

// Size returns how many bytes the task's frames have.
func (t *Task) Size() int { return len(t.ID) + len(t.Procedure) + len(t.Body) + len(t.Header) }

// Clone returns a copy that shares no memory with t.
func (t *Task) Clone() Task { return t.CloneIn(make([]byte, 0, t.Size())) }

// CloneIn returns a copy in the memory of b, which has room for t.Size bytes.
func (t *Task) CloneIn(b []byte) Task {
	copied := func(part []byte) []byte {
		start := len(b)
		b = append(b, part...)
		return b[start:len(b):len(b)]
	}
	return Task{copied(t.ID), copied(t.Procedure), copied(t.Body), copied(t.Header)}
}

// parse reads the frames after the verb. t refers to their memory.
func (t *Task) parse(verb Verb, frames [][]byte) error {
	if len(frames) < 4 {
		return fmt.Errorf("%s has %d frames, want an id, a method, a body and at most a header behind it", verb, len(frames))
	}
	if err := t.parseID(verb, frames[1]); err != nil {
		return err
	}
	t.Procedure, t.Body = frames[2], frames[3]
	if len(frames) > 4 {
		t.Header = frames[4]
	}
	return nil
}

// parseID reads the frame with the id. t refers to its memory.
func (t *Task) parseID(verb Verb, id []byte) error {
	if n := len(id); n == 0 || n > MaxTaskID {
		return fmt.Errorf("%s has an id of %d bytes, want 1 to %d", verb, n, MaxTaskID)
	}
	t.ID = id
	return nil
}

// A TaskAttempt is a TASK as a ventilator sends it.
type TaskAttempt struct {
	ID, Procedure string
	Body          []byte
	Header        []byte        // encoded, without the fields below; nil: none
	Attempt       int           // 1 for the first
	Lease         time.Duration // 0: without limit
	KeepResult    int           // of how many bytes the ventilator keeps a result; 0: none
}

// AppendMessage appends the frames to b (socket.Message). The fields below Header
// follow it in the same frame, and protobuf merges them.
func (t TaskAttempt) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(VerbTask))
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, t.ID)
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, t.Procedure)
	b = zmtp.AppendFrame(b, zmtp.FlagMore, t.Body)
	attempt, lease, keep := uint64(uint32(t.Attempt)), uint64(t.Lease.Microseconds()), uint64(uint32(t.KeepResult))
	b = zmtp.AppendHeader(b, 0, len(t.Header)+sizeUint(fieldAttempt, attempt)+sizeUint(fieldLease, lease)+sizeUint(fieldKeepResult, keep))
	b = append(b, t.Header...)
	return appendUint(appendUint(appendUint(b, fieldAttempt, attempt), fieldLease, lease), fieldKeepResult, keep), nil
}

// The fields of TaskHeader that differ from attempt to attempt. They are written by
// hand, because a protobuf message would be allocated for each attempt.
const (
	fieldAttempt    protowire.Number = 1
	fieldLease      protowire.Number = 2
	fieldKeepResult protowire.Number = 7
)

// sizeUint is the size of what appendUint appends.
func sizeUint(field protowire.Number, value uint64) int {
	if value == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(value)
}

// Stop is the message with which a ventilator ends a worker.
type Stop struct{}

// AppendMessage appends the frame to b (socket.Message).
func (Stop) AppendMessage(b []byte) ([]byte, error) {
	return zmtp.AppendFrameString(b, 0, string(VerbStop)), nil
}

// A Cancel is the message with which a ventilator cancels the task with this id.
type Cancel string

// AppendMessage appends the frames to b (socket.Message).
func (c Cancel) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(VerbCancel))
	return zmtp.AppendFrameString(b, 0, string(c)), nil
}

// ParseVentilatorCommand parses a message of a ventilator other than VerbAlive:
// VerbTask with a task, which refers to the memory of frames, VerbStop, or
// VerbCancel with a task that has only an id.
func ParseVentilatorCommand(frames [][]byte) (verb Verb, t Task, err error) {
	switch verb = knownVerb(frames[0], VerbTask, VerbStop, VerbCancel); verb {
	case VerbTask:
		err = t.parse(verb, frames)
	case VerbCancel:
		if len(frames) < 2 {
			return verb, t, fmt.Errorf("%s has no id behind it", verb)
		}
		err = t.parseID(verb, frames[1])
	case "":
		err = fmt.Errorf("%q: %w", Excerpt(frames[0]), ErrUnknownVerb)
	}
	return verb, t, err
}

// A Result is a RESULT as a worker sends it.
type Result struct{ Task }

// AppendMessage appends the frames to b (socket.Message).
func (r Result) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(VerbResult))
	b = zmtp.AppendFrame(b, zmtp.FlagMore, r.ID)
	b = zmtp.AppendFrame(b, zmtp.FlagMore, r.Procedure)
	b = zmtp.AppendFrame(b, zmtp.FlagMore, r.Body)
	return zmtp.AppendFrame(b, 0, r.Header), nil
}

// ParseResult parses a message of a worker to its sink. The result refers to
// the memory of frames.
func ParseResult(frames [][]byte) (r Result, err error) {
	verb := knownVerb(frames[0], VerbResult)
	if verb == "" {
		return r, fmt.Errorf("%q: %w", Excerpt(frames[0]), ErrUnknownVerb)
	}
	return r, r.parse(verb, frames)
}

// An Ack is the acknowledgement of the result with this id.
type Ack []byte

// AppendMessage appends the frames to b (socket.Message).
func (a Ack) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(VerbAck))
	return zmtp.AppendFrame(b, 0, a), nil
}

// ParseAck parses a message of a sink to its worker: VerbAck, or VerbReject
// with an encoded gozmq.v1.Status or nil. The id and the status refer to the
// memory of frames.
func ParseAck(frames [][]byte) (verb Verb, id Ack, status []byte, err error) {
	verb = knownVerb(frames[0], VerbAck, VerbReject)
	if verb == "" || len(frames) < 2 {
		return "", nil, nil, fmt.Errorf("%q with %d frames, want %s or %s and an id", Excerpt(frames[0]), len(frames), VerbAck, VerbReject)
	}
	if verb == VerbReject && len(frames) > 2 {
		status = frames[2]
	}
	return verb, frames[1], status, nil
}

// NamesTask reports whether the beginning of a message that is too large has a verb
// and an id.
func NamesTask(frames [][]byte) bool { return len(frames) >= 2 }

// OversizedTask returns the id and, if it was read, the procedure of a TASK or a
// RESULT that is too large. frames are the ones before the frame that exceeds the
// limit. ok is false when they have no valid id, so that the sender cannot be
// notified.
func OversizedTask(verb Verb, frames [][]byte) (id, procedure []byte, ok bool) {
	if len(frames) < 2 || string(frames[0]) != string(verb) || len(frames[1]) == 0 || len(frames[1]) > MaxTaskID {
		return nil, nil, false
	}
	if len(frames) > 2 {
		procedure = Excerpt(frames[2])
	}
	return frames[1], procedure, true
}
