package gozmq

import (
	"context"
	"fmt"
	"maps"
	"slices"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// Metadata travels beside a call's request and reply: keys with one or more
// values each. A key has 1 to 128 characters of a-z, 0-9, "-", "_" and "."; a
// value is any string of bytes. All keys and values together may have 16 KiB.
type Metadata map[string][]string

const (
	maxMetadata    = 16 << 10
	maxMetadataKey = 128
)

// Get returns the first value of a key, "" when there is none.
func (m Metadata) Get(key string) string {
	if values := m[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Add adds a value to those of a key.
func (m Metadata) Add(key, value string) { m[key] = append(m[key], value) }

// check reports what is wrong with the metadata, if anything.
func (m Metadata) check() error {
	size := 0
	for key, values := range m {
		if err := checkKey(key); err != nil {
			return err
		}
		for _, v := range values {
			size += len(key) + len(v)
		}
	}
	if size > maxMetadata {
		return Errorf(CodeResourceExhausted, "metadata has %d bytes, at most %d are allowed", size, maxMetadata)
	}
	return nil
}

func checkKey(key string) error {
	ok := key != "" && len(key) <= maxMetadataKey
	for i := 0; i < len(key) && ok; i++ {
		c := key[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if !ok {
		return Errorf(CodeInvalidArgument, "metadata key %.32q: want 1 to %d characters of a-z, 0-9, \"-\", \"_\" and \".\"", key, maxMetadataKey)
	}
	return nil
}

// wire returns the entries as they travel, in the order of their keys.
func (m Metadata) wire() []*gozmqv1.Metadatum {
	var list []*gozmqv1.Metadatum
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, v := range m[key] {
			list = append(list, &gozmqv1.Metadatum{Key: key, Value: []byte(v)})
		}
	}
	return list
}

// parseMetadata takes entries from the wire.
func parseMetadata(list []*gozmqv1.Metadatum) (Metadata, error) {
	if len(list) == 0 {
		return nil, nil
	}
	m := make(Metadata, len(list))
	for _, e := range list {
		m.Add(e.GetKey(), string(e.GetValue()))
	}
	return m, m.check()
}

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
		if err := m.check(); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
	return nil
}

// wire returns the header that carries it.
func (r *ReplyMetadata) wire() *gozmqv1.ReplyHeader {
	return &gozmqv1.ReplyHeader{Headers: r.Headers.wire(), Trailers: r.Trailers.wire()}
}

func (r *ReplyMetadata) empty() bool { return len(r.Headers) == 0 && len(r.Trailers) == 0 }

type replyMetadataOption struct{ to *ReplyMetadata }

func (o replyMetadataOption) applyCall(c *callOptions) { c.replyMetadata = o.to }

// WithReplyMetadata has the metadata of a call's reply, or of its error, put
// into to, which the caller may read once the call has returned.
func WithReplyMetadata(to *ReplyMetadata) CallOption { return replyMetadataOption{to} }
