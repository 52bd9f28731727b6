package gozmqtap

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// verbs are the verbs of a pipeline with DeliveryAtLeastOnce.
var verbs = [...]wire.Verb{
	wire.VerbCredit, wire.VerbDone, wire.VerbFail, wire.VerbReject, wire.VerbReturn, wire.VerbExtend,
	wire.VerbTask, wire.VerbStop, wire.VerbResult, wire.VerbAck, wire.VerbAlive,
}

// pipeline reports whether a message between DEALER and ROUTER belongs to a
// pipeline, and not to a call.
func (m *message) pipeline() bool {
	for _, role := range []handshake.Role{m.from.role, m.to.role} {
		switch role {
		case handshake.RoleVentilator, handshake.RoleWorker, handshake.RoleResults, handshake.RoleSink:
			return true
		case handshake.RoleClient, handshake.RoleServer:
			return false
		}
	}
	for _, v := range verbs {
		if string(v) == string(m.frames[0]) {
			return v == wire.VerbStop || len(m.frames) > 1 && len(m.frames[1]) > 0
		}
	}
	return false
}

// verb describes a message of a pipeline with DeliveryAtLeastOnce.
func (m *message) verb() {
	m.Name = string(wire.Excerpt(m.frames[0]))
	if len(m.frames) < 2 {
		return
	}
	switch wire.Verb(m.Name) {
	case wire.VerbCredit:
		m.add("tasks", string(wire.Excerpt(m.frames[1])))
	case wire.VerbAlive:
		m.alive()
	case wire.VerbTask, wire.VerbResult:
		m.task()
	default:
		m.taskID(m.frames[1])
		m.outcome()
	}
}

func (m *message) alive() {
	a, err := wire.ParseAlive(m.frames)
	if err != nil {
		m.broken(err)
		return
	}
	if s, err := a.State(); err == nil {
		m.addDuration("lease", s.Lease)
		m.addNumber("batches-over", uint64(len(s.Over)))
	}
}

// task describes TASK and RESULT.
func (m *message) task() {
	var t wire.Task
	var err error
	if m.Name == string(wire.VerbTask) {
		_, t, err = wire.ParseVentilatorCommand(m.frames)
	} else {
		var r wire.Result
		r, err = wire.ParseResult(m.frames)
		t = r.Task
	}
	if err != nil {
		m.broken(err)
		return
	}
	m.Subject = string(t.Procedure)
	m.taskID(t.ID)
	if !t.Control() {
		m.Body = 3
	}
	m.taskHeader(t.Header)
}

func (m *message) taskID(id []byte) { m.add("id", fmt.Sprintf("%x", wire.Excerpt(id))) }

// outcome describes the frames after the id of a task.
func (m *message) outcome() {
	if len(m.frames) < 3 {
		return
	}
	switch wire.Verb(m.Name) {
	case wire.VerbFail, wire.VerbReject:
		m.status(m.frames[2])
	case wire.VerbAck:
		_, _, status, err := wire.ParseAck(m.frames)
		if err == nil && status != nil {
			m.status(status)
		}
	case wire.VerbExtend:
		m.add("attempt", string(wire.Excerpt(m.frames[2])))
		m.addFlag("handled", len(m.frames) > 3)
	}
}
