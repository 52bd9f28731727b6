package gozmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// logVariable names the environment variable that has every socket log to
// standard error.
const logVariable = "GOZMQ_LOG"

// defaultEventHandler is what SetDefaultEventHandler has set.
var defaultEventHandler atomic.Pointer[func(Event)]

// SetDefaultEventHandler makes f the event handler of the sockets of this process
// that are opened from now on without WithEventHandler; nil, the default, is none.
// It is for programs; a library should leave it alone. f may be called from several
// goroutines at once, one for each socket.
//
// The environment variable GOZMQ_LOG makes every socket, also one with an event
// handler, log its events to standard error, too: those of Event.Level Info and
// above with GOZMQ_LOG=info, all with GOZMQ_LOG=debug.
func SetDefaultEventHandler(f func(Event)) {
	if f == nil {
		defaultEventHandler.Store(nil)
		return
	}
	defaultEventHandler.Store(&f)
}

// eventHandler returns what a socket with that event handler, or nil, reports to.
func eventHandler(own func(Event)) func(Event) {
	if f := defaultEventHandler.Load(); own == nil && f != nil {
		own = *f
	}
	log := environmentLog(os.Getenv(logVariable), os.Stderr)
	switch {
	case log == nil:
		return own
	case own == nil:
		return log
	}
	return func(e Event) {
		log(e)
		own(e)
	}
}

var reportedLog atomic.Bool

// environmentLog returns the event handler that the variable's value asks for; nil
// for none. It logs once that a value makes no sense.
func environmentLog(value string, w io.Writer) func(Event) {
	var level slog.Level
	switch value {
	case "", "off":
		return nil
	case "info":
	case "debug":
		level = slog.LevelDebug
	default:
		if !reportedLog.Swap(true) {
			_, _ = fmt.Fprintf(w, "gozmq: %s=%q is not known: want info, debug or off\n", logVariable, value)
		}
		return nil
	}
	return LogEvents(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})))
}

// Level returns how much attention the event deserves: Debug for EventProbed, Warn
// where something went wrong (Err), and else Info. A peer that closes its
// connection between two messages says goodbye: that is Info.
func (e Event) Level() slog.Level {
	switch {
	case e.Kind == EventProbed:
		return slog.LevelDebug
	case e.Kind == EventEventsLost:
		return slog.LevelWarn
	case e.Err == nil, e.Kind == EventDisconnected && errors.Is(e.Err, io.EOF):
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// LogEvents returns a function for WithEventHandler that logs each event with
// Event.Level. What a peer has chosen of it is escaped where it cannot be printed
// within a line, so that no handler of l needs to do that.
func LogEvents(l *slog.Logger) func(Event) {
	return func(e Event) {
		ctx, level := context.Background(), e.Level()
		if l.Enabled(ctx, level) {
			l.LogAttrs(ctx, level, "zeromq "+e.Kind.String(), e.attrs()...)
		}
	}
}

// attrs returns what is known of the event beside its kind and time.
func (e Event) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("socket", e.SocketType)}
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, zmtp.Line(value)))
		}
	}
	add("endpoint", e.Endpoint)
	add("peer", e.Peer)
	add("procedure", e.Procedure)
	add("topic", e.Topic)
	if e.Count > 0 {
		attrs = append(attrs, slog.Int("count", e.Count))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", zmtp.Line(fmt.Sprint(e.Err)))) // which survives a nil *T error
	}
	if len(e.Stack) > 0 {
		attrs = append(attrs, slog.String("stack", string(e.Stack)))
	}
	return attrs
}
