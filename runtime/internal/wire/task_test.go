package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type message interface {
	AppendMessage(b []byte) ([]byte, error)
}

// frames encodes m and takes it apart again.
func frames(t testing.TB, m message) [][]byte {
	t.Helper()
	b, err := m.AppendMessage(nil)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for more := true; more; {
		h, ok, err := zmtp.ParseHeader(b)
		if err != nil || !ok {
			t.Fatalf("%x: %v", b, err)
		}
		end := h.Len + int(h.Size)
		list, b, more = append(list, b[h.Len:end]), b[end:], h.More()
	}
	if len(b) > 0 {
		t.Fatalf("%x behind the last frame", b)
	}
	return list
}

func split(texts ...string) [][]byte {
	var list [][]byte
	for _, s := range texts {
		list = append(list, []byte(s))
	}
	return list
}

// Every command of docs/PROTOCOL.md comes back as it was sent.
func TestWorkerCommands(t *testing.T) {
	for _, c := range []WorkerCommand{
		{Verb: VerbCredit, Credit: 0},
		{Verb: VerbCredit, Credit: MaxCredit},
		{Verb: VerbCredit, Credit: 2, Cancels: true},
		{Verb: VerbDone, ID: []byte("a")},
		{Verb: VerbFail, ID: []byte("a"), Status: []byte("\x08\x02")},
		{Verb: VerbReject, ID: make([]byte, MaxTaskID), Status: []byte("\x08\x03")},
		{Verb: VerbReturn, ID: []byte("a")},
		{Verb: VerbExtend, ID: []byte("a")},
		{Verb: VerbExtend, ID: []byte("a"), Attempt: 12},
		{Verb: VerbDone, ID: []byte("a"), Result: []byte("result")},
		{Verb: VerbDone, ID: []byte("a"), Result: []byte{}},
		{Verb: VerbExtend, ID: []byte("a"), Attempt: 12, Handled: true},
		{Verb: VerbExtend, ID: []byte("a"), Handled: true},
		{Verb: VerbExtend, ID: []byte("a"), Attempt: 3, Again: true},
		{Verb: VerbExtend, ID: []byte("a"), Attempt: 3, Handled: true, Again: true},
		{Verb: VerbExtend, ID: []byte("a"), Attempt: 3, Progress: &Progress{Done: 0.42, Text: "page 42"}},
		{Verb: VerbExtend, ID: []byte("a"), Attempt: 3, Progress: &Progress{Done: 1}},
		{Verb: VerbExtend, ID: []byte("a"), Handled: true, Again: true, Progress: &Progress{Text: "begun"}},
	} {
		got, err := ParseWorkerCommand(frames(t, c))
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v came back as %+v, %v", c, got, err)
		}
	}
}

// What makes no sense of an EXTEND's progress is ignored, and a text is cut.
func TestMalformedProgress(t *testing.T) {
	extend := func(frames ...string) *Progress {
		t.Helper()
		c, err := ParseWorkerCommand(split(append([]string{"EXTEND", "a", "1", "", ""}, frames...)...))
		if err != nil {
			t.Error(err)
		}
		return c.Progress
	}
	for _, done := range []string{"", "1.1", "-0.1", "NaN", "inf", "1e-3", "0x1p-2", "half", strings.Repeat("0", 33), "0.1.2"} {
		if p := extend(done, "text"); p != nil {
			t.Errorf("%q: %+v", done, p)
		}
	}
	if p := extend("0.5", strings.Repeat("x", 254)+"\u00e4", "more"); p == nil || p.Text != strings.Repeat("x", 254)+"?" {
		t.Errorf("a long text: %+v", p)
	}
}

func TestMalformedWorkerCommands(t *testing.T) {
	for text, parts := range map[string][]string{
		"second frame":   {"DONE"},
		"unknown verb":   {"TASK", "a"},
		"want a decimal": {"CREDIT", "65537"},
		"of 0 to 65536":  {"CREDIT", "12345678901"},
		"at most 255":    {"DONE", string(make([]byte, 256))},
	} {
		if _, err := ParseWorkerCommand(split(parts...)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, want %q", parts, err, text)
		}
	}
	if _, err := ParseWorkerCommand(split("NONSENSE", "a")); !errors.Is(err, ErrUnknownVerb) {
		t.Errorf("an unknown verb: %v", err)
	}
}

func TestTasksAndResults(t *testing.T) {
	batch := &Batch{ID: []byte("b"), Name: "night"}
	attempt := TaskAttempt{
		ID: "a", Procedure: "s/M", Body: []byte("body"), Attempt: 3, Lease: time.Minute, KeepResult: MaxKeptResult,
		Header: AppendTaskHeader(nil, TaskHeader{Batch: batch, Attempt: 1, Lease: time.Hour}),
	}
	verb, task, err := ParseVentilatorCommand(frames(t, attempt))
	if err != nil || verb != VerbTask || string(task.ID) != "a" || string(task.Procedure) != "s/M" || string(task.Body) != "body" {
		t.Fatalf("%q %+v, %v", verb, task, err)
	}
	want := TaskHeader{Attempt: 3, Lease: time.Minute, Batch: batch, KeepResult: MaxKeptResult}
	if h := ParseTaskHeader(task.Header); !reflect.DeepEqual(h, want) {
		t.Errorf("header %+v, want %+v", h, want)
	}
	if verb, _, err := ParseVentilatorCommand(frames(t, Stop{})); verb != VerbStop || err != nil {
		t.Errorf("%q, %v", verb, err)
	}
	result, err := ParseResult(frames(t, Result{task}))
	if err != nil || !reflect.DeepEqual(result.Task, task) {
		t.Errorf("%+v came back as %+v, %v", task, result, err)
	}
	copied := task.Clone()
	clear(task.Body)
	if string(copied.Body) != "body" || copied.Control() {
		t.Errorf("the copy is %+v", copied)
	}
	if verb, id, _, err := ParseAck(frames(t, Ack("a"))); verb != VerbAck || string(id) != "a" || err != nil {
		t.Errorf("%s %q, %v", verb, id, err)
	}
	refusal := WorkerCommand{Verb: VerbReject, ID: []byte("a"), Status: []byte("why")}
	if verb, id, status, err := ParseAck(frames(t, refusal)); verb != VerbReject || string(id) != "a" || string(status) != "why" || err != nil {
		t.Errorf("%s %q %q, %v", verb, id, status, err)
	}
}

func TestMalformedTasks(t *testing.T) {
	for _, parts := range [][]string{{""}, {"TASK"}, {"TASK", "a", "m"}, {"TASK", "", "m", ""}, {"CREDIT", "1"}, {"RESULT", "a", "m", ""}} {
		if _, _, err := ParseVentilatorCommand(split(parts...)); err == nil {
			t.Errorf("%q is a ventilator's command", parts)
		}
	}
	for _, parts := range [][]string{{""}, {"RESULT"}, {"RESULT", "a", "m"}, {"RESULT", "", "m", ""}, {"TASK", "a", "m", ""}} {
		if _, err := ParseResult(split(parts...)); err == nil {
			t.Errorf("%q is a result", parts)
		}
	}
	for _, parts := range [][]string{{""}, {"ACK"}, {"NAK", "a"}} {
		if _, _, _, err := ParseAck(split(parts...)); err == nil {
			t.Errorf("%q is an acknowledgement", parts)
		}
	}
}

func TestPlainTasks(t *testing.T) {
	header := AppendTaskHeader(nil, TaskHeader{Batch: &Batch{ID: []byte("b"), Ended: true, Tasks: 7}})
	for _, want := range []PlainTask{
		{Procedure: []byte("s/M"), Body: []byte("body")},
		{Procedure: []byte("s/M"), Body: []byte("body"), Header: header},
		{Procedure: []byte{}, Body: []byte{}, Header: header},
	} {
		list := frames(t, want)
		got, err := ParsePlainTask(list, false)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
		b, control := PlainBatch(list)
		if (b != nil) != (want.Header != nil) || control != want.Control() {
			t.Errorf("%+v is of batch %+v, control %v", want, b, control)
		}
		if _, same := SamePlainProcedure(list, false, want.Procedure); !same {
			t.Errorf("%q is not its own procedure", want.Procedure)
		}
	}
	if got, err := ParsePlainTask(split("body"), true); err != nil || string(got.Body) != "body" {
		t.Errorf("bare: %+v, %v", got, err)
	}
	if _, err := ParsePlainTask(split("m", "body"), true); err == nil {
		t.Error("two frames are a bare message")
	}
	for _, n := range []int{1, 4} {
		if _, err := ParsePlainTask(make([][]byte, n), false); err == nil {
			t.Errorf("%d frames are a task", n)
		}
	}
}

// However many failures a batch has, its header stays small; a batch of an
// impossible size is none.
func TestBatchHeader(t *testing.T) {
	b := &Batch{ID: []byte("b"), Name: "a\xff", Ended: true, Tasks: 100, Complete: true, Failed: 100}
	for range 100 {
		b.Failures = append(b.Failures, BatchFailure{Task: []byte("t"), Procedure: "s/M", Attempts: 2, Code: 14, Message: strings.Repeat("x", 5000)})
	}
	header := AppendTaskHeader(nil, TaskHeader{Batch: b})
	if len(header) > 40<<10 {
		t.Errorf("the header has %d bytes", len(header))
	}
	got := BatchOf(header)
	if got == nil || got.Name != "a\uFFFD" || !got.Complete || len(got.Failures) != 100 || got.Failures[0].Code != 14 || got.Failures[0].Attempts != 2 {
		t.Errorf("got %+v", got)
	}
	for name, b := range map[string]*Batch{
		"no batch": nil, "no id": {Name: "x"}, "long id": {ID: make([]byte, MaxBatchID+1)},
		"long name": {ID: []byte("b"), Name: strings.Repeat("x", MaxBatchName+1)},
	} {
		if BatchOf(AppendTaskHeader(nil, TaskHeader{Batch: b})) != nil {
			t.Errorf("%s is a batch", name)
		}
	}
	if h := ParseTaskHeader([]byte("\xff\xff")); !reflect.DeepEqual(h, TaskHeader{}) {
		t.Errorf("a malformed header is %+v", h)
	}
	if h := ParseTaskHeader([]byte("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); h.Lease != maxDuration {
		t.Errorf("the longest lease is %v", h.Lease)
	}
}

// FuzzTaskFrames parses any frames in every role: without a panic, and what is
// accepted comes back the same when it is sent again.
func FuzzTaskFrames(f *testing.F) {
	f.Add("CREDIT", "2", "", "", 2)
	f.Add("CREDIT", "2", "cancel", "", 3)
	f.Add("CANCEL", "a", "", "", 2)
	f.Add("EXTEND", "a", "0.42", "page 42", 7)
	f.Add("EXTEND", "a", "1", "handled", 6)
	f.Add("FAIL", "a", "\x08\x02", "", 3)
	f.Add("TASK", "a", "s/M", "body", 4)
	f.Add("RESULT", "a", "", "\xff", 4)
	f.Add("ACK", "a", "", "", 2)
	f.Add("", "", "\x1a\x03\x0a\x01b", "", 3)
	f.Fuzz(func(t *testing.T, a, b, c, d string, n int) {
		list := split(a, b, c, d, c, c, d)[:1+uint(n)%7]
		if cmd, err := ParseWorkerCommand(list); err == nil {
			if again, err := ParseWorkerCommand(frames(t, cmd)); err != nil || !reflect.DeepEqual(again, cmd) {
				t.Errorf("%+v came back as %+v, %v", cmd, again, err)
			}
		}
		if verb, task, err := ParseVentilatorCommand(list); err == nil && verb == VerbCancel {
			if _, again, err := ParseVentilatorCommand(frames(t, Cancel(task.ID))); err != nil || !bytes.Equal(again.ID, task.ID) {
				t.Errorf("%q came back as %q, %v", task.ID, again.ID, err)
			}
		}
		if r, err := ParseResult(list); err == nil {
			if again, err := ParseResult(frames(t, r)); err != nil || !bytes.Equal(again.Body, r.Body) || !bytes.Equal(again.ID, r.ID) {
				t.Errorf("%+v came back as %+v, %v", r, again, err)
			}
		}
		if verb, id, _, err := ParseAck(list); err == nil && verb == VerbAck {
			if _, again, _, err := ParseAck(frames(t, id)); err != nil || !bytes.Equal(again, id) {
				t.Errorf("%q came back as %q, %v", id, again, err)
			}
		}
		_, _ = ParsePlainTask(list, true)
		if p, err := ParsePlainTask(list, false); err == nil {
			if again, err := ParsePlainTask(frames(t, p), false); err != nil || !bytes.Equal(again.Body, p.Body) {
				t.Errorf("%+v came back as %+v, %v", p, again, err)
			}
		}
		if batch, _ := PlainBatch(list); batch != nil {
			if again := BatchOf(AppendTaskHeader(nil, TaskHeader{Batch: batch})); again == nil || !bytes.Equal(again.ID, batch.ID) {
				t.Errorf("%+v came back as %+v", batch, again)
			}
		}
	})
}
