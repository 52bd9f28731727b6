package curve

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A step is the progress of a handshake.
type step uint8

const (
	begun step = iota
	helloed
	welcomed
	initiated
	done
	broken
)

// A Client is the client's side of one handshake. Each method is called once,
// in the order of the commands. After an error the Client must not be used. It
// is not for concurrent use.
type Client struct {
	random io.Reader
	secret *Secret
	server Public

	step        step
	short       *Secret        // c', for this connection only
	toServer    *[KeySize]byte // c' and S
	session     *[KeySize]byte // c' and s'
	serverShort Public
	cookie      [cookieSize]byte
}

// NewClient returns a client with a secret key, for the server with a public key.
func NewClient(secret *Secret, server Public) (*Client, error) {
	return newClient(secret, server, rand.Reader)
}

func newClient(secret *Secret, server Public, random io.Reader) (*Client, error) {
	short, err := generate(random)
	if err != nil {
		return nil, err
	}
	c := &Client{random: random, secret: secret, server: server, short: short}
	if c.toServer, err = shared(short, &server); err != nil {
		return nil, fmt.Errorf("server key: %w", err)
	}
	return c, nil
}

// advance moves a handshake to its next step. It fails when to is another one.
func (s *step) advance(to step) error {
	if *s != to-1 {
		*s = broken
		return errOrder
	}
	*s = to
	return nil
}

// Hello returns the body of HELLO.
func (c *Client) Hello() ([]byte, error) {
	if err := c.step.advance(helloed); err != nil {
		return nil, err
	}
	body := make([]byte, helloBoxAt, helloSize)
	body[0] = 1 // version 1.0
	copy(body[helloKeyAt:], c.short.public[:])
	binary.BigEndian.PutUint64(body[helloNonceAt:], 1)
	return seal(body, make([]byte, helloZeros), counted(prefixHello, 1), c.toServer), nil
}

// Welcome handles the body of the server's WELCOME.
func (c *Client) Welcome(body []byte) error {
	if err := c.step.advance(welcomed); err != nil {
		return err
	}
	err := c.welcome(body)
	if err != nil {
		c.step = broken
	}
	return err
}

func (c *Client) welcome(body []byte) error {
	if err := checkSize(CommandWelcome, body, welcomeSize, true); err != nil {
		return err
	}
	plain, ok := open(body[longNonce:], random(prefixWelcome, body[:longNonce]), c.toServer)
	if !ok {
		return errForged(CommandWelcome)
	}
	copy(c.serverShort[:], plain)
	copy(c.cookie[:], plain[KeySize:])
	session, err := shared(c.short, &c.serverShort)
	if err != nil {
		return fmt.Errorf("%s: %w", CommandWelcome, err)
	}
	c.session = session
	return nil
}

// Initiate returns the body of INITIATE, which carries our metadata.
func (c *Client) Initiate(metadata []byte) ([]byte, error) {
	if err := c.step.advance(initiated); err != nil {
		return nil, err
	}
	vouchKey, err := shared(c.secret, &c.serverShort)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, KeySize+longNonce, vouchedSize+len(metadata))
	copy(plain, c.secret.public[:])
	nonce := plain[KeySize:]
	if _, err := io.ReadFull(c.random, nonce); err != nil {
		return nil, fmt.Errorf("generate nonce: %w", err)
	}
	vouch := append(c.short.public[:], c.server[:]...)
	plain = seal(plain, vouch, random(prefixVouch, nonce), vouchKey)
	plain = append(plain, metadata...)

	body := make([]byte, 0, initiateSize+len(metadata))
	body = append(body, c.cookie[:]...)
	body = binary.BigEndian.AppendUint64(body, 2)
	return seal(body, plain, counted(prefixInitiate, 2), c.session), nil
}

// Ready handles the body of the server's READY. It returns the server's
// metadata, and the session that seals and opens messages from then on.
func (c *Client) Ready(body []byte) (metadata []byte, session *Session, err error) {
	if err := c.step.advance(done); err != nil {
		return nil, nil, err
	}
	if err := checkSize(CommandReady, body, readySize, false); err != nil {
		return nil, nil, err
	}
	n := binary.BigEndian.Uint64(body)
	metadata, ok := open(body[shortNonce:], counted(prefixReady, n), c.session)
	if !ok {
		return nil, nil, errForged(CommandReady)
	}
	if n == 0 {
		return nil, nil, errors.New("READY has nonce 0, want at least 1")
	}
	return metadata, newSession(c.session, prefixClient, 3, prefixServer, n), nil
}
