package gozmqotel

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// incoming is metadata from which a propagator reads. Keys of metadata are in lower
// case. Of several values the first counts: it is that of whoever wrote first.
type incoming gozmq.Metadata

func (m incoming) Get(key string) string { return gozmq.Metadata(m).Get(strings.ToLower(key)) }
func (m incoming) Set(string, string)    {}
func (m incoming) Keys() []string        { return slices.Collect(maps.Keys(m)) }

// outgoing are pairs of keys and values that a propagator has written.
type outgoing []string

func (o *outgoing) Get(string) string     { return "" }
func (o *outgoing) Keys() []string        { return nil }
func (o *outgoing) Set(key, value string) { *o = append(*o, strings.ToLower(key), value) }

// inject returns what the propagator writes for ctx.
func (t *telemetry) inject(ctx context.Context) outgoing {
	pairs := make(outgoing, 0, 4)
	t.propagator.Inject(ctx, &pairs)
	return pairs
}
