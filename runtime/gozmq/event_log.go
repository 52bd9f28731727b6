package gozmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

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
