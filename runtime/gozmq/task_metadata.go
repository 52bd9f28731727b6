package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// taskMetadata returns the metadata of a task of m that is pushed with ctx, nil for
// none.
func taskMetadata(ctx context.Context, m *Method) (wire.Metadata, error) {
	out := outgoing(ctx)
	if out.err != nil {
		return nil, out.err
	}
	metadata := wire.Metadata(out.entries)
	if len(metadata) == 0 {
		return nil, nil
	}
	if m.Bare {
		return nil, bareMetadata(m)
	}
	return metadata, inputError(metadata.Check())
}

// bareMetadata is the error of a message of m with metadata and bare framing.
func bareMetadata(m *Method) error {
	return Errorf(CodeInvalidArgument, "%s: a message with bare framing has no place for metadata", m.Procedure)
}
