package gozmq

import (
	"context"
	"maps"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Metadata is sent beside a message, as a call's request and reply: keys with
// one or more values each. A key has 1 to 128 characters of a-z, 0-9, "-", "_"
// and "."; a value is any string of bytes. All keys and values together may
// have 16 KiB.
type Metadata map[string][]string

// Get returns the first value of a key, "" when there is none.
func (m Metadata) Get(key string) string {
	if values := m[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Add adds a value to those of a key.
func (m Metadata) Add(key, value string) { m[key] = append(m[key], value) }

type outgoingKey struct{}

// outgoingMetadata is the metadata of what is sent, or what is wrong with it.
type outgoingMetadata struct {
	entries Metadata
	err     error
}

// AppendMetadata returns a context that adds these pairs of keys and values to
// the metadata of each call, publication and task that is sent with it, beside
// those that ctx carries already. Sending fails with CodeInvalidArgument when a key
// or a value is not allowed, a key has no value, or the framing is bare, and with
// CodeResourceExhausted when there is too much metadata.
func AppendMetadata(ctx context.Context, pairs ...string) context.Context {
	out := outgoing(ctx)
	out.entries = maps.Clone(out.entries)
	if out.entries == nil {
		out.entries = make(Metadata)
	}
	if n := len(pairs); n%2 != 0 {
		out.err = Errorf(CodeInvalidArgument, "AppendMetadata: key %.32q has no value, want pairs of keys and values", pairs[n-1])
		pairs = pairs[:n-1]
	}
	for i := 0; i < len(pairs); i += 2 {
		out.entries[pairs[i]] = append(slices.Clip(out.entries[pairs[i]]), pairs[i+1])
	}
	return context.WithValue(ctx, outgoingKey{}, out)
}

// none reports whether there is nothing to send, and nothing wrong.
func (o *outgoingMetadata) none() bool { return o.err == nil && len(o.entries) == 0 }

// check reports what is wrong with it, if anything.
func (o *outgoingMetadata) check() error {
	if o.err != nil {
		return o.err
	}
	return inputError(wire.Metadata(o.entries).Check())
}

// outgoing returns the metadata of what is sent with ctx.
func outgoing(ctx context.Context) outgoingMetadata {
	out, _ := ctx.Value(outgoingKey{}).(outgoingMetadata)
	return out
}

// ReplyMetadata is the metadata that a server sends with its reply or its error.
type ReplyMetadata struct {
	Headers  Metadata // added with CallInfo.AddReplyHeader; a stream's come with its first message
	Trailers Metadata // added with CallInfo.AddReplyTrailer; a stream's come with its end
}

type replyMetadataOption struct{ to *ReplyMetadata }

func (o replyMetadataOption) applyCall(c *callOptions) { c.replyMetadata = o.to }

// WithReplyMetadata stores the metadata of a call's reply, or of its error, in to,
// which the caller may read once the call has returned; for a stream, once its loop
// or CloseAndReceive has ended. The goroutine that receives may read the headers
// from the first message on.
func WithReplyMetadata(to *ReplyMetadata) CallOption { return replyMetadataOption{to} }

// taskMetadata returns the metadata of a task of m that is pushed with ctx, nil for
// none.
func taskMetadata(ctx context.Context, m *Method) (wire.Metadata, error) {
	out := outgoing(ctx)
	if out.none() {
		return nil, nil
	}
	if err := out.check(); err != nil {
		return nil, err
	}
	if m.Bare {
		return nil, bareMetadata(m)
	}
	return wire.Metadata(out.entries), nil
}

// bareMetadata is the error of a message of m with metadata and bare framing.
func bareMetadata(m *Method) error {
	return Errorf(CodeInvalidArgument, "%s: a message with bare framing has no place for metadata", m.Procedure)
}
