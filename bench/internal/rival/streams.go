package rival

import (
	"context"
	"errors"
	"io"
	"time"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

// RawStream is the name of the floor of streams.
const RawStream = "raw tcp messages"

// A Streams opens streaming calls, all on one connection where the library can.
type Streams interface {
	// Watch has the server send messages of the size of the Options: count, or,
	// when that is 0, as many as there is time for. The caller leaves when got,
	// which is called for each message, returns false.
	Watch(count uint64, got func() bool) error
	// Chat sends a message and waits for its echo, for as long as more, which is
	// called before each, returns true.
	Chat(more func() bool) error
	// Upload sends count messages and returns how many came.
	Upload(count uint64) (uint64, error)
	// Drop opens a stream, sends one message, and forgets the stream.
	Drop() error
	Close()
}

// watchRequest asks for what Watch is to get.
func watchRequest(o Options, count uint64) *benchv1.WatchRequest {
	return &benchv1.WatchRequest{Count: count, Size: uint32(o.Size)}
}

// serveWatch is every server's Watch. It sends the same message again and again.
func serveWatch(req *benchv1.WatchRequest, send func(*benchv1.Blob) error) error {
	blob := newBlob(int(req.GetSize()), 0)
	for n := uint64(0); req.GetCount() == 0 || n < req.GetCount(); n++ {
		if err := send(blob); err != nil {
			return err
		}
	}
	return nil
}

// serveChat is every server's Chat, but for ours.
func serveChat(recv func() (*benchv1.Blob, error), send func(*benchv1.Blob) error) error {
	for {
		in, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = send(echo(in))
		}
		if err != nil {
			return err
		}
	}
}

// watchAll takes the messages of a Watch, in the libraries that have Recv.
func watchAll(o Options, recv func() (*benchv1.Blob, error), got func() bool) error {
	for {
		blob, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := check(blob, o.Size, err); err != nil {
			return err
		}
		if !got() {
			return nil
		}
	}
}

// chatAll is a caller's side of Chat, in the libraries that have Send and Recv.
func chatAll(o Options, send func(*benchv1.Blob) error, recv func() (*benchv1.Blob, error), more func() bool) error {
	for blob := newBlob(o.Size, 0); more(); {
		if err := send(blob); err != nil {
			return err
		}
		reply, err := recv()
		if err := check(reply, o.Size, err); err != nil {
			return err
		}
	}
	return nil
}

// through returns the address to dial for a server: its own, or that of a line to
// it where the Options have a delay.
func (o Options) through(addr string) (string, *Line, error) {
	if o.Delay == 0 {
		return addr, nil, nil
	}
	line, err := NewLine(addr, o.Delay)
	if err != nil {
		return "", nil, err
	}
	return line.Addr(), line, nil
}

// leaving returns a context that the caller of a stream ends to leave it.
func leaving() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Minute)
}
