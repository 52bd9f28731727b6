package gozmqtap

import (
	"strconv"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// keepFrame is how many bytes of a frame are kept.
	keepFrame = 64 << 10
	// keepFrames is how many frames of a message are kept.
	keepFrames = 64
)

// A piece is what bytes of a flow have completed.
type piece uint8

const (
	pieceNone piece = iota
	pieceGreeting
	pieceCommand
	pieceMessage
)

// A flow is what one side of a connection sends.
type flow struct {
	broken  bool // it is not ZMTP, and is decoded no further
	greeted bool // the greeting is complete
	started bool // header belongs to an incomplete frame

	buf    []byte // the beginning of a greeting or of a frame's header
	header zmtp.Header
	left   uint64 // bytes of the frame that are to come
	frame  Frame  // that is not complete

	command Frame   // that is complete
	frames  []Frame // of a message
	skipped int     // frames of the message that were not kept
	size    uint64  // of the message's frames

	greeting zmtp.Greeting
	socket   zmtp.SocketType // that the side announces; "": unknown
	role     handshake.Role
}

// next takes the first bytes of p, at least one, and returns how many.
func (f *flow) next(p []byte) (n int, done piece, err error) {
	switch {
	case !f.greeted:
		return f.greet(p)
	case !f.started:
		return f.begin(p)
	}
	n = int(min(uint64(len(p)), f.left))
	f.left -= uint64(n)
	f.frame.Data = append(f.frame.Data, p[:min(n, keepFrame-len(f.frame.Data))]...)
	if f.left > 0 {
		return n, pieceNone, nil
	}
	return n, f.end(), nil
}

// greet takes bytes of the greeting.
func (f *flow) greet(p []byte) (n int, done piece, err error) {
	n = min(len(p), zmtp.GreetingSize-len(f.buf))
	f.buf = append(f.buf, p[:n]...)
	if err := zmtp.CheckSignature(f.buf[:min(len(f.buf), zmtp.SignatureSize)]); err != nil {
		return n, pieceNone, err
	}
	if len(f.buf) < zmtp.GreetingSize {
		return n, pieceNone, nil
	}
	f.greeting, err = zmtp.ParseGreeting(f.buf)
	f.greeted, f.buf = true, f.buf[:0]
	return n, pieceGreeting, err
}

// begin takes one byte of a frame's header.
func (f *flow) begin(p []byte) (n int, done piece, err error) {
	f.buf = append(f.buf, p[0])
	h, ok, err := zmtp.ParseHeader(f.buf)
	if err != nil || !ok {
		return 1, pieceNone, err
	}
	f.header, f.left, f.buf, f.started = h, h.Size, f.buf[:0], true
	f.frame = Frame{Size: h.Size, Data: []byte{}}
	if h.Size == 0 {
		done = f.end()
	}
	return 1, done, nil
}

// end takes the frame that is complete.
func (f *flow) end() piece {
	f.started = false
	if f.header.Command() {
		f.command = f.frame
		return pieceCommand
	}
	f.size += f.frame.Size
	if len(f.frames) < keepFrames {
		f.frames = append(f.frames, f.frame)
	} else {
		f.skipped++
	}
	f.frame = Frame{}
	if f.header.More() {
		return pieceNone
	}
	return pieceMessage
}

func decimal(b byte) string { return strconv.Itoa(int(b)) }
