package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

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
