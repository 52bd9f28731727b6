package gozmqtap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// probeTimeout bounds each step of a Probe whose context ends later.
const probeTimeout = 5 * time.Second

// A Report is what Probe found at an endpoint. Fields that are not known are zero.
type Report struct {
	Endpoint  string        `json:"endpoint"`
	Address   string        `json:"address,omitempty"` // the address that answered
	Reached   bool          `json:"reached"`           // somebody accepted the connection
	Dial      time.Duration `json:"dial_ns,omitempty"` // how long that took
	ZMTP      string        `json:"zmtp,omitempty"`    // the version, such as "3.1"
	Mechanism string        `json:"mechanism,omitempty"`
	// Libzmq says that the greeting looks as libzmq writes it.
	Libzmq bool `json:"libzmq,omitempty"`

	// The metadata that the peer announces in its handshake.
	SocketType string `json:"socket_type,omitempty"`
	Gozmq      bool   `json:"gozmq,omitempty"` // the peer knows our extensions
	Role       string `json:"role,omitempty"`
	RoutingID  string `json:"routing_id,omitempty"`
	MaxMessage int64  `json:"max_message,omitempty"` // the largest body that it takes, in bytes

	// Stage is where the probe ended: "done", or what failed: "endpoint", "dial",
	// "greeting", "security" or "handshake". Error says why.
	Stage string `json:"stage"`
	Error string `json:"error,omitempty"`
}

// Probe dials an endpoint and returns a report on the peer. It learns the version
// and the mechanism from every peer that speaks ZMTP. It learns the other
// properties from peers without security, and from others if security fits theirs
// (gozmqcurve.Client, gozmq.PlainClient); the zero Security is none. It sends no
// message and receives no task: with NULL it disconnects before the handshake is
// complete. A peer with CURVE or PLAIN may report a short connection, or one of a
// wrong type.
func Probe(ctx context.Context, endpoint string, security gozmq.Security) *Report {
	r := &Report{Endpoint: endpoint}
	p := prober{Report: r}
	var err error
	if p.to, err = transport.ParseConnect(endpoint); err != nil {
		return r.failed("endpoint", err)
	}
	if open := bridge.Open(&security); open != nil {
		if p.security, err = open(); err != nil {
			return r.failed("security", err)
		}
	}
	return p.run(ctx)
}

func (r *Report) failed(stage string, err error) *Report {
	r.Stage = stage
	if err != nil {
		r.Error = zmtp.Line(err.Error())
	}
	return r
}

// A prober fills a report.
type prober struct {
	*Report
	to       transport.Endpoint
	security *handshake.Security
}

func (p *prober) run(ctx context.Context) *Report {
	conn, err := p.dial(ctx)
	if err != nil {
		return p.failed("dial", err)
	}
	defer conn.Close()
	if err := p.greet(conn); err != nil {
		return p.failed("greeting", err)
	}
	own := handshake.Null
	if p.security != nil {
		own = p.security.Mechanism
	}
	switch {
	case p.Mechanism == handshake.Null:
		m, err := readReady(conn)
		if err != nil {
			return p.failed("handshake", err)
		}
		p.announced(m)
		if own != handshake.Null {
			return p.failed("security", fmt.Errorf("the peer has no security, and credentials for %s were given", own))
		}
		return p.failed("done", nil)
	case own != p.Mechanism:
		return p.failed("security", fmt.Errorf("the peer wants %s, and no credentials for it were given", p.Mechanism))
	}
	conn.Close()
	return p.shake(ctx)
}

func (p *prober) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	start := time.Now()
	conn, err := p.to.Dial(ctx)
	if err != nil {
		return nil, err
	}
	p.Reached, p.Dial, p.Address = true, time.Since(start), addressOf(conn)
	deadline := start.Add(probeTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	return conn, conn.SetDeadline(deadline)
}

// greet exchanges greetings, with the mechanism NULL on our side.
func (p *prober) greet(conn net.Conn) error {
	if _, err := conn.Write(greeting()); err != nil {
		return err
	}
	buf := make([]byte, zmtp.GreetingSize)
	read := 0
	for _, end := range []int{1, zmtp.SignatureSize, zmtp.GreetingSize} {
		n, err := io.ReadFull(conn, buf[read:end])
		read += n
		if failed := zmtp.CheckSignature(buf[:min(read, zmtp.SignatureSize)]); failed != nil {
			return failed
		}
		if err != nil {
			return silence(err, "greeting")
		}
	}
	g, err := zmtp.ParseGreeting(buf)
	if err != nil {
		return err
	}
	p.ZMTP, p.Mechanism = "3."+decimal(g.Minor), g.Mechanism
	p.Libzmq = buf[8] == 1 // libzmq puts a header of ZMTP 1 into the padding
	return nil
}

func greeting() []byte {
	b := make([]byte, zmtp.GreetingSize)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, 3, zmtp.Minor
	copy(b[12:], handshake.Null)
	return b
}

// silence explains why a peer's greeting or command did not come.
func silence(err error, what string) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("the peer accepted the connection and sent no %s", what)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the peer closed the connection before its %s", what)
	}
	return err
}

// maxReady is the largest READY that Probe reads, in bytes.
const maxReady = 8 << 10

// readReady reads the READY of a peer with the mechanism NULL.
func readReady(conn net.Conn) (zmtp.Metadata, error) {
	var f flow
	f.greeted = true
	buf := make([]byte, 1)
	for range maxReady {
		if _, err := io.ReadFull(conn, buf); err != nil {
			return nil, silence(err, "READY")
		}
		_, done, err := f.next(buf)
		switch {
		case err != nil:
			return nil, err
		case done == pieceMessage:
			return nil, errors.New("the peer sent a message before its READY")
		case done == pieceCommand:
			return parseReady(f.command.Data)
		}
	}
	return nil, fmt.Errorf("the peer's READY is longer than %d bytes", maxReady)
}

func parseReady(command []byte) (zmtp.Metadata, error) {
	name, body, err := zmtp.ParseCommand(command)
	switch {
	case err != nil:
		return nil, err
	case string(name) == zmtp.CommandError:
		return nil, fmt.Errorf("the peer refused the handshake: %s", zmtp.ParseErrorCommand(body))
	case string(name) != zmtp.CommandReady:
		return nil, fmt.Errorf("the peer sent %.32q, want READY", name)
	}
	return zmtp.ParseMetadata(body)
}

// announced copies the peer's metadata to the report.
func (p *prober) announced(m zmtp.Metadata) {
	p.SocketType = m.Get(zmtp.PropertySocketType)
	p.Role = m.Get(zmtp.PropertyRole)
	p.RoutingID = m.Get(zmtp.PropertyIdentity)
	p.Gozmq = m.Get(zmtp.PropertyGozmq) == "1"
	if _, err := fmt.Sscan(m.Get(zmtp.PropertyMaxSize), &p.MaxMessage); err != nil {
		p.MaxMessage = 0
	}
}

// trials are socket types that go with every other one but PUSH, whose peer would
// be handed tasks.
var trials = []zmtp.SocketType{zmtp.Dealer, zmtp.Sub, zmtp.Push, zmtp.Pub}

// shake opens the connection with the security, as one socket type after the other
// until one fits.
func (p *prober) shake(ctx context.Context) *Report {
	var last error
	for _, socket := range trials {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		peer, err := p.try(ctx, socket)
		cancel()
		if err == nil {
			p.announced(peer.Metadata)
			return p.failed("done", nil)
		}
		var proof *handshake.ProofError
		var refused *handshake.AuthError
		last = err
		if errors.As(err, &proof) || errors.As(err, &refused) {
			break
		}
	}
	return p.failed("handshake", last)
}

func (p *prober) try(ctx context.Context, socket zmtp.SocketType) (*handshake.Peer, error) {
	conn, err := p.to.Dial(ctx)
	if err != nil {
		return nil, err
	}
	cfg := &handshake.Config{SocketType: socket, HideExtensions: true, Timeout: probeTimeout}
	peer, err := handshake.Do(ctx, conn, cfg, handshake.Site{Endpoint: p.Endpoint, Address: addressOf(conn), Security: p.security})
	if err != nil {
		return nil, err
	}
	conn.Close()
	return peer, nil
}
