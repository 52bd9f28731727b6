// Package rival opens the libraries that are measured, each with its default
// settings and its own generated code, behind one small interface.
package rival

import (
	"fmt"
	"sync/atomic"
	"time"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

// Ours is the name of the library that the others are compared with.
const Ours = "gozmq"

// Raw is the name of the floor: plain tcp, no protocol, no encoding.
const Raw = "raw tcp echo"

// CTool is the name of the reference: bare bytes, libzmq, C on both ends.
const CTool = "libzmq's own C"

// A Rival is one library. A function that is nil: there is no such thing.
type Rival struct {
	Name string
	// Missing says why nothing can be measured; "" when it can.
	Missing string
	// Note says what a reader of the figures should know.
	Note string
	// Unary opens calls that echo.
	Unary func(Options) (Unary, error)
	// Push opens tasks, of which each goes to one receiver.
	Push func(Options) (Stream, error)
	// Sure opens tasks in memory that are delivered until they are done.
	Sure func(Options) (Stream, error)
	// Feed opens publications, of which each goes to every receiver.
	Feed func(Options) (Stream, error)
	// Streams opens streaming calls.
	Streams func(Options) (Streams, error)
	// PushRate measures tasks per second by itself, with two processes where
	// Options.Listen says where the receiver binds.
	PushRate func(o Options, d time.Duration) (float64, error)
	// Window is how many publications may be under way before its default
	// queues drop some, where that is few; 0: it is not.
	Window int
	// OneConn is true where several connections cannot be asked for, or are not
	// measured.
	OneConn bool
}

// Options says what to open.
type Options struct {
	Size       int           // bytes of payload
	Callers    int           // goroutines that make calls
	Conns      int           // connections that they share; the raw echo has one per caller
	Receivers  int           // of a Stream
	MaxMessage int           // 0: the library's default
	Delay      time.Duration // each way, of ours and gRPC's Streams
	Filters    int           // of each of a Feed's receivers, of which one matches; 0: one
	Waiting    int           // tasks for which a Stream has room; 0: the library's default
	Listen     string        // where the side that binds does so; "": tcp, on any port
	Front      string        // ours: the proxy to which callers and senders connect; "": there is none
	Back       string        // ours: the proxy to which servers and receivers connect

	vt    bool      // ours: encode with vtprotobuf
	curve *keyPairs // ours and libzmq: nil: no encryption
}

// A Unary makes calls.
type Unary interface {
	// Call makes one call and checks the size of the reply. Callers with
	// different numbers may call at once.
	Call(caller int) error
	Close()
}

// A Stream carries one-way traffic.
type Stream interface {
	// Send sends one message with a number; one goroutine at a time.
	Send(seq uint64) error
	// Receive hands the number of each message that receiver i gets to got,
	// until Close.
	Receive(i int, got func(seq uint64)) error
	Close()
}

// All returns every library, ours first. dir is for what has to be compiled.
func All(dir string) []Rival {
	list := []Rival{
		gozmqRival(), raw(), ttrpcRival(), grpcRival(), drpcRival(), connectRival(), natsRival(), jetStreamRival(),
		zmq4Rival(), mangosRival(), GozmqWorker(), gozmqVT(), cTool(dir), rawStream(),
	}
	return append(list, libzmq()...)
}

// newBlob returns a message of a size.
func newBlob(size int, seq uint64) *benchv1.Blob {
	return &benchv1.Blob{Payload: payload(size), Seq: seq}
}

// payload returns bytes that are not all alike.
func payload(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// echo is every server's handler.
func echo(in *benchv1.Blob) *benchv1.Blob { return &benchv1.Blob{Payload: in.GetPayload()} }

// check looks at a reply.
func check(reply *benchv1.Blob, size int, err error) error {
	if err == nil && len(reply.GetPayload()) != size {
		err = fmt.Errorf("reply of %d bytes, want %d", len(reply.GetPayload()), size)
	}
	return err
}

// A blobs has one message per caller, since encoding writes to a message.
type blobs []*benchv1.Blob

func newBlobs(o Options) blobs {
	b := make(blobs, o.Callers)
	for i := range b {
		b[i] = newBlob(o.Size, 0)
	}
	return b
}

// A spread says which connection a caller uses next: each caller goes round
// those that are its own.
type spread struct {
	callers, conns int
	turns          []turn
}

type turn struct {
	n atomic.Uint32
	_ [60]byte
}

func newSpread(o Options) *spread {
	return &spread{callers: o.Callers, conns: o.Conns, turns: make([]turn, o.Callers)}
}

func (s *spread) next(caller int) int {
	if s.conns <= s.callers {
		return caller % s.conns
	}
	own := uint32((s.conns - 1 - caller) / s.callers) // beside the first
	n := s.turns[caller].n.Add(1) % (own + 1)
	return caller + int(n)*s.callers
}
