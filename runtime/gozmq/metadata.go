package gozmq

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Metadata travels beside a call's request and reply: keys with one or more
// values each. A key has 1 to 128 characters of a-z, 0-9, "-", "_" and "."; a
// value is any string of bytes. All keys and values together may have 16 KiB.
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

// AppendMetadata returns a context whose calls carry these keys and values, in
// pairs, beside those that ctx carries already; a last key without a value gets
// an empty one. What is wrong with them is the error of the call.
func AppendMetadata(ctx context.Context, pairs ...string) context.Context {
	m := maps.Clone(outgoing(ctx))
	if m == nil {
		m = make(Metadata)
	}
	if len(pairs)%2 != 0 {
		pairs = append(slices.Clip(pairs), "")
	}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = append(slices.Clip(m[pairs[i]]), pairs[i+1])
	}
	return context.WithValue(ctx, outgoingKey{}, m)
}

// outgoing returns the metadata of calls made with ctx.
func outgoing(ctx context.Context) Metadata {
	m, _ := ctx.Value(outgoingKey{}).(Metadata)
	return m
}

// ReplyMetadata is what a server says beside its reply or its error.
type ReplyMetadata struct {
	Headers  Metadata // set before the server had a reply
	Trailers Metadata // set with it
}

// check reports what is wrong with it, if anything.
func (r *ReplyMetadata) check() error {
	for _, m := range []Metadata{r.Headers, r.Trailers} {
		if err := wire.Metadata(m).Check(); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
	return nil
}

// header returns the header that carries it.
func (r *ReplyMetadata) header() wire.ReplyHeader {
	return wire.ReplyHeader{Headers: wire.Metadata(r.Headers), Trailers: wire.Metadata(r.Trailers)}
}

func (r *ReplyMetadata) empty() bool { return len(r.Headers) == 0 && len(r.Trailers) == 0 }

type replyMetadataOption struct{ to *ReplyMetadata }

func (o replyMetadataOption) applyCall(c *callOptions) { c.replyMetadata = o.to }

// WithReplyMetadata has the metadata of a call's reply, or of its error, put
// into to, which the caller may read once the call has returned.
func WithReplyMetadata(to *ReplyMetadata) CallOption { return replyMetadataOption{to} }
