package handshake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

var errHandshakeTooLong = fmt.Errorf("handshake is longer than %d bytes", maxHandshake)

// A guard stands between a connection and zmq4 during the handshake. zmq4 trusts
// the sizes that a peer claims, so the guard reads each frame header itself and
// passes on only frames of a safe size. It also sees both greetings: it announces
// ZMTP 3.1, where zmq4 announces 3.0, and keeps the peer's.
type guard struct {
	net.Conn

	asServer bool   // our role, as our greeting announces it
	greeted  bool   // our greeting has been written
	out      []byte // written by zmq4, not yet sent
	in       []byte // checked, not yet read by zmq4
	total    int    // bytes read so far
	greeting zmtp.Greeting
	seen     bool // the peer's greeting has been read
	received bool // at least one byte of it has been read
	err      error

	mu         sync.Mutex
	introduced bool // the peer may consider the handshake done from now on
	aborted    bool // nothing more may be sent
	done       bool // the handshake has succeeded on our side
}

// Write collects the bytes that zmq4 writes, so that a header and its body go out
// in one piece; Read and Flush send them.
func (g *guard) Write(p []byte) (int, error) {
	if !g.greeted && len(p) >= zmtp.GreetingSize {
		g.greeted = true
		own := append([]byte(nil), p...)
		own[zmtp.OffsetMinor] = zmtp.Minor
		if g.asServer {
			own[zmtp.OffsetAsServer] = 1
		}
		_, err := g.Conn.Write(own)
		return len(p), err
	}
	g.out = append(g.out, p...)
	return len(p), nil
}

// Flush sends the bytes that Write collected.
func (g *guard) Flush() error {
	if len(g.out) == 0 {
		return nil
	}
	if !g.mayIntroduce() {
		return net.ErrClosed
	}
	_, err := g.Conn.Write(g.out)
	g.out = g.out[:0]
	return err
}

// mayIntroduce records that we are about to announce ourselves to the peer. It
// returns false when the handshake was aborted before.
func (g *guard) mayIntroduce() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.introduced = !g.aborted
	return !g.aborted
}

// abort ends a handshake because its socket is closing. A peer that may consider
// the handshake done, and may have sent messages, gets finishTime to complete it.
func (g *guard) abort() {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.done:
	case g.introduced:
		_ = g.Conn.SetDeadline(time.Now().Add(finishTime))
	default:
		g.aborted = true
		g.Conn.Close()
	}
}

// finish marks the handshake as done and removes its deadline.
func (g *guard) finish() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done = true
	return g.Conn.SetDeadline(time.Time{})
}

// Read passes on checked bytes. It never returns bytes and an error together,
// because io.ReadFull drops an error that comes with all the bytes it wants.
func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.read(p)
	if err != nil {
		g.err = err
		return 0, err
	}
	return n, nil
}

func (g *guard) read(p []byte) (int, error) {
	if err := g.Flush(); err != nil {
		return 0, err
	}
	if len(g.in) == 0 {
		if err := g.refill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.in)
	g.in = g.in[n:]
	return n, nil
}

// refill reads the greeting or the next command.
func (g *guard) refill() error {
	if !g.seen {
		return g.readGreeting()
	}
	var head [9]byte
	n := 0
	for {
		h, ok, err := zmtp.ParseHeader(head[:n])
		if err != nil {
			return err
		}
		if ok {
			return g.admit(h, head[:n])
		}
		if n == len(head) {
			return errors.New("frame header is malformed")
		}
		// The shortest header has two bytes. Further bytes are read one at a time,
		// so that none beyond the header is consumed.
		want := max(2, n+1)
		if _, err := io.ReadFull(g.Conn, head[n:want]); err != nil {
			return err
		}
		n = want
	}
}

// admit checks a claimed size and reads the command.
func (g *guard) admit(h zmtp.Header, head []byte) error {
	if !h.Command() {
		return errors.New("peer sent a message before the handshake was done")
	}
	if h.Size == 0 || h.Size > maxCommand {
		return fmt.Errorf("handshake command of %d bytes, want 1 to %d", h.Size, maxCommand)
	}
	g.total += len(head) + int(h.Size)
	if g.total > maxHandshake {
		return errHandshakeTooLong
	}
	body := make([]byte, h.Size)
	if _, err := io.ReadFull(g.Conn, body); err != nil {
		return err
	}
	if bytes.HasPrefix(body, []byte(garbledError)) {
		body = append([]byte("\x05E"), body[1:]...)
		head = zmtp.AppendHeader(nil, zmtp.FlagCommand, len(body))
	}
	g.in = append(append(g.in[:0], head...), body...)
	return nil
}

// garbledError is the beginning of the ERROR with which libzmq 4.3.4 refuses PLAIN:
// its length and its first letter have become one byte.
const garbledError = "^RROR"

func (g *guard) readGreeting() error {
	buf := make([]byte, zmtp.GreetingSize)
	// The signature is checked as it arrives, so that a peer of another protocol is
	// recognized although it never sends a whole greeting.
	read := 0
	for _, end := range []int{1, zmtp.SignatureSize, zmtp.GreetingSize} {
		n, err := io.ReadFull(g.Conn, buf[read:end])
		g.received = g.received || n > 0
		if err != nil {
			return err
		}
		read += n
		if err := zmtp.CheckSignature(buf[:min(read, zmtp.SignatureSize)]); err != nil {
			return err
		}
	}
	greeting, err := zmtp.ParseGreeting(buf)
	if err != nil {
		return err
	}
	g.seen, g.greeting, g.in = true, greeting, buf
	return nil
}
