package gozmqtap

import (
	"fmt"
	"strings"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Commands of security mechanisms (RFC 24, 26).
const (
	commandHello    = "HELLO"
	commandWelcome  = "WELCOME"
	commandInitiate = "INITIATE"
	commandMessage  = "MESSAGE"
)

// describeCommand adds the content of a command of f to e. It describes only
// unencrypted content, without the password of PLAIN.
func describeCommand(e *Event, f *flow, body []byte) {
	mechanism := f.greeting.Mechanism
	switch {
	case e.Name == zmtp.CommandError:
		e.Error = zmtp.ParseErrorCommand(body)
	case mechanism == handshake.Curve:
		e.Kind = KindSealed
	case e.Name == commandHello && mechanism == handshake.Plain:
		e.Frames[0].Data = nil
		if len(body) > 0 && int(body[0]) < len(body) {
			e.Subject = string(body[1 : 1+int(body[0])])
		}
		e.add("password", "(not shown)")
	case e.Name == zmtp.CommandReady, e.Name == commandInitiate:
		describeReady(e, f, body)
	default:
		describeTraffic(e, body)
	}
}

// describeReady adds the metadata that a side announces, and keeps it in f.
func describeReady(e *Event, f *flow, body []byte) {
	m, err := zmtp.ParseMetadata(body)
	if err != nil {
		e.Error = err.Error()
		return
	}
	for _, p := range m {
		e.add(strings.ToLower(strings.TrimPrefix(p.Name, "X-Gozmq-")), p.Value)
	}
	f.socket = zmtp.SocketType(m.Get(zmtp.PropertySocketType))
	f.role = handshake.Role(m.Get(zmtp.PropertyRole))
}

// describeTraffic adds the content of a command after the handshake.
func describeTraffic(e *Event, body []byte) {
	switch e.Name {
	case zmtp.CommandSubscribe, zmtp.CommandCancel:
		e.Subject = string(body)
	case zmtp.CommandPing:
		if ttl, context, err := zmtp.ParsePing(body); err == nil {
			e.addDuration("ttl", ttl)
			describeContext(e, context)
		}
	case zmtp.CommandPong:
		describeContext(e, body)
	case zmtp.CommandOversized:
		if size, topic, ok := zmtp.ParseOversized(body); ok {
			e.Subject = string(topic)
			e.addNumber("size", size)
		}
	}
}

func describeContext(e *Event, context []byte) {
	if len(context) > 0 {
		e.add("context", fmt.Sprintf("%x", context))
	}
}
