package gozmqtap

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Side is one end of a connection.
type Side string

// The sides of a connection.
const (
	SideDialer   Side = "dialer"   // the end that dialed
	SideListener Side = "listener" // the end that was dialed
)

func (s Side) other() Side {
	if s == SideDialer {
		return SideListener
	}
	return SideDialer
}

// A Kind is the kind of an Event.
type Kind string

// The kinds of events.
const (
	KindOpened   Kind = "opened"   // a connection was accepted
	KindGreeting Kind = "greeting" // a side's greeting
	KindCommand  Kind = "command"  // a command of ZMTP or of a security mechanism
	KindMessage  Kind = "message"  // a whole message
	KindSealed   Kind = "sealed"   // a frame of CURVE, which only its receiver can open
	KindBroken   Kind = "broken"   // a side breaks ZMTP; its later bytes are not reported
	KindClosed   Kind = "closed"   // a side has ended the connection
)

// An Event is something that passed through a connection. Its memory belongs to
// its receiver, who may keep it.
type Event struct {
	Time time.Time `json:"time"`
	Conn int       `json:"conn"` // the connection's number, from 1
	From Side      `json:"from"` // whose it is
	Kind Kind      `json:"kind"`
	// Name is the name of a command, or the kind of a message: "request", "cancel",
	// "reply", "stream message", "publication", "task", "result", "subscribe", a
	// verb such as "CREDIT", or "message" if it is unknown.
	Name string `json:"name,omitempty"`
	// Subject is the method's full name, the topic or the prefix that it is about.
	Subject string `json:"subject,omitempty"`
	// Details are further contents of the headers, in the order of the wire.
	Details []Detail `json:"details,omitempty"`
	// Body is the index of the frame with the body, -1 if there is none.
	Body   int     `json:"body"`
	Frames []Frame `json:"frames,omitempty"`
	Size   uint64  `json:"size"` // of all frames' contents, in bytes
	Error  string  `json:"error,omitempty"`
}

// A Detail is one fact that a header states.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Frame is the content of a frame.
type Frame struct {
	// Data is the content, or its first 64 KiB. It is nil for a command that has a
	// password.
	Data []byte `json:"data"`
	Size uint64 `json:"size"` // of the whole content, in bytes
}

// Whole reports whether Data is all of the content.
func (f Frame) Whole() bool { return uint64(len(f.Data)) == f.Size }

// BodyFrame returns the frame with the body, false if there is none.
func (e *Event) BodyFrame() (Frame, bool) {
	if e.Body < 0 || e.Body >= len(e.Frames) {
		return Frame{}, false
	}
	return e.Frames[e.Body], true
}

// Detail returns the first detail with that name, "" if there is none.
func (e *Event) Detail(name string) string {
	for _, d := range e.Details {
		if d.Name == name {
			return d.Value
		}
	}
	return ""
}

func (e *Event) add(name, value string) { e.Details = append(e.Details, Detail{name, value}) }

// addNumber adds a number that is not 0.
func (e *Event) addNumber(name string, n uint64) {
	if n != 0 {
		e.add(name, strconv.FormatUint(n, 10))
	}
}

// addFlag adds a fact that holds.
func (e *Event) addFlag(name string, holds bool) {
	if holds {
		e.add(name, "true")
	}
}

// addDuration adds a time that is not 0.
func (e *Event) addDuration(name string, d time.Duration) {
	if d != 0 {
		e.add(name, d.String())
	}
}

// String returns the event in one readable line, without its time. It escapes text
// of peers that cannot be printed within a line.
func (e *Event) String() string {
	var b strings.Builder
	arrow := ">"
	if e.From == SideListener {
		arrow = "<"
	}
	fmt.Fprintf(&b, "#%d %s %s", e.Conn, arrow, e.title())
	if e.Subject != "" || e.Name == zmtp.CommandSubscribe || e.Name == zmtp.CommandCancel {
		b.WriteString(" " + word(e.Subject))
	}
	for _, d := range e.Details {
		if d.Value == "true" {
			b.WriteString(" " + d.Name)
			continue
		}
		b.WriteString(" " + d.Name + "=" + word(d.Value))
	}
	if f, ok := e.BodyFrame(); ok {
		fmt.Fprintf(&b, " body=%dB", f.Size)
	} else if e.Kind == KindSealed || e.Kind == KindMessage {
		fmt.Fprintf(&b, " size=%dB", e.Size)
	}
	if e.Error != "" {
		b.WriteString(": " + zmtp.Line(e.Error))
	}
	return b.String()
}

func (e *Event) title() string {
	switch {
	case e.Name == "":
		return string(e.Kind)
	case e.Kind == KindSealed:
		return e.Name + " (sealed)"
	}
	return zmtp.Line(e.Name)
}

// word returns text so that it is one word of a line.
func word(s string) string {
	if s == "" || strings.ContainsAny(s, " \"") || zmtp.Line(s) != s {
		return strconv.Quote(s)
	}
	return s
}
