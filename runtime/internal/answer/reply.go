package answer

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// appendFitting is appendReply for a reply that must be within the client's
// limit. A bare reply is sent nevertheless, because bare framing has no errors; the
// client then fails its call.
func (c *Call) appendFitting(b []byte) ([]byte, error) {
	out, err := c.appendReply(b)
	if err != nil || c.method.Bare {
		return out, err
	}
	return out, beyondClient(c.method, "reply", c.peer.Fits(out[len(b):]))
}

// appendReply appends the frames of a successful reply.
func (c *Call) appendReply(b []byte) ([]byte, error) {
	if c.method.Bare {
		out, err := c.work.AppendBody(b, 0)
		return out, handlersFault(err)
	}
	h, err := c.ctx.replyHeader()
	if err != nil {
		return b, err
	}
	var body wire.Body = wire.Encoded(nil)
	if c.work.HasReply() {
		body = c.work
	}
	out, err := wire.AppendReply(b, body, h)
	return out, handlersFault(err)
}

// handlersFault returns err, about a message that cannot be encoded, as an error of
// the handler.
func handlersFault(err error) error {
	if err != nil && status.CodeOf(err) == status.InvalidArgument {
		return status.Errorf(status.Internal, "%w", err)
	}
	return err
}

// beyondClient returns err; if err says that the client's announced limit is
// exceeded, with a code, and with what as the name of the message.
func beyondClient(m *Method, what string, err error) error {
	if err == nil {
		return nil
	}
	var limit *link.LimitError // allocated here, only if it is needed
	if errors.As(err, &limit) {
		return status.Errorf(status.ResourceExhausted, "%s: %s of %d bytes exceeds the client's limit of %d (ask for less, or raise it with WithMaxMessageSize of Dial)", m.Procedure, what, limit.Size, limit.Limit)
	}
	return err
}

// fail answers with an error. Bare framing has no room for one: the call is not
// answered, and an event reports it.
func (c *Call) fail(err error) {
	if c.stream != nil {
		c.stream.end(err)
		return
	}
	if c.method != nil {
		c.method.ended(err)
	}
	if c.server.bare != nil {
		c.peer.Malformed("a bare call failed and was not answered: %w", c.server.cfg.Public(err))
		return
	}
	_ = c.reply(func(b []byte) ([]byte, error) { return c.appendFailure(b, err), nil })
}

// appendFailure appends the frames of a reply that is an error.
func (c *Call) appendFailure(b []byte, err error) []byte {
	var h wire.ReplyHeader
	switch {
	case c.refused:
		h.Refused = true
	case c.ctx != nil:
		if meta, err := c.ctx.replyHeader(); err == nil {
			h = meta
		}
	}
	out, _ := wire.AppendFailure(b, status.Encode(err, c.server.statusLimit(c.peer)), h)
	return out
}

// reply sends an answer: the envelope, and the frames that appendFrames appends.
func (c *Call) reply(appendFrames func(b []byte) ([]byte, error)) error {
	return c.peer.Reply(func(b []byte) ([]byte, error) { return appendFrames(append(b, c.envelope...)) })
}
