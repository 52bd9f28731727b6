package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// A serverStream is a servedCall as the handler of a stream sees it
// (bridge.ServerStream).
type serverStream servedCall

// serve calls the handler (Next).
func (s *serverStream) serve(ctx context.Context, req proto.Message) (proto.Message, error) {
	if s.served.Swap(true) {
		return nil, Errorf(CodeFailedPrecondition, "%s: next was called twice for a stream", s.handler.method.Procedure)
	}
	return s.handler.stream(ctx, req, s)
}

// Receive waits for the next message (bridge.ServerStream).
func (s *serverStream) Receive(m proto.Message) (more bool, err error) {
	s.into = m
	more, err = s.stream.Receive()
	s.into = nil
	if err != nil || !more {
		return false, fromStatus(err)
	}
	if err := s.info.message(m, false); err != nil {
		return false, err
	}
	return true, nil
}

// Send sends a message (bridge.ServerStream).
func (s *serverStream) Send(ctx context.Context, m proto.Message) error {
	if err := checkSent(m, s.handler.method); err != nil {
		return err
	}
	if err := s.info.message(m, true); err != nil {
		return err
	}
	body := newStreamBody(&s.server.bodies, m)
	defer body.free()
	return fromStatus(s.stream.Send(ctx, body))
}
