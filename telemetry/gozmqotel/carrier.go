package gozmqotel

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// incoming is metadata from which a propagator reads. Keys of metadata are in lower
// case. Of several values the first counts, because it was written first.
type incoming gozmq.Metadata

func (m incoming) Get(key string) string { return gozmq.Metadata(m).Get(strings.ToLower(key)) }
func (m incoming) Set(string, string)    {}
func (m incoming) Keys() []string        { return slices.Collect(maps.Keys(m)) }

// outgoing are pairs of keys and values that a propagator has written.
type outgoing []string

func (o *outgoing) Get(string) string     { return "" }
func (o *outgoing) Keys() []string        { return nil }
func (o *outgoing) Set(key, value string) { *o = append(*o, strings.ToLower(key), value) }

var written = sync.Pool{New: func() any { return new(outgoing) }}

// inject calls use with the pairs that the propagator writes for ctx, if there are
// any.
func (t *telemetry) inject(ctx context.Context, use func(pairs []string)) {
	pairs := written.Get().(*outgoing)
	t.propagator.Inject(ctx, pairs)
	if len(*pairs) > 0 {
		use(*pairs)
	}
	clear(*pairs)
	*pairs = (*pairs)[:0]
	written.Put(pairs)
}
