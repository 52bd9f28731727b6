package curve

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// cookieLife is how long a client may take from our WELCOME to its INITIATE.
const cookieLife = 60 * time.Second

// A Server is the server's side of one handshake. Each method is called once,
// in the order of the commands. After an error the Server must not be used. It
// is not for concurrent use.
type Server struct {
	random io.Reader
	secret *Secret

	step        step
	short       *Secret // s', for this connection only
	clientShort Public
	hello       uint64         // nonce of HELLO
	toClient    *[KeySize]byte // S and c'
	cookieKey   *[KeySize]byte // dropped after use
	welcomed    time.Time
	session     *[KeySize]byte // s' and c'
	last        uint64         // nonce of INITIATE
}

// NewServer returns a server with that secret key.
func NewServer(secret *Secret) *Server { return &Server{random: rand.Reader, secret: secret} }

// Hello handles the body of the client's HELLO. It returns ErrServerKey when the
// HELLO was not made for our key.
func (s *Server) Hello(body []byte) error {
	if err := s.step.advance(helloed); err != nil {
		return err
	}
	err := s.takeHello(body)
	if err != nil {
		s.step = broken
	}
	return err
}

func (s *Server) takeHello(body []byte) error {
	if err := checkSize(CommandHello, body, helloSize, true); err != nil {
		return err
	}
	if body[0] != 1 || body[1] != 0 {
		return fmt.Errorf("peer speaks CURVE version %d.%d, want 1.0", body[0], body[1])
	}
	if !isZero(body[2:helloKeyAt]) {
		return errors.New("HELLO has bytes in its padding")
	}
	s.clientShort = Public(body[helloKeyAt:helloNonceAt])
	var err error
	if s.toClient, err = shared(s.secret, &s.clientShort); err != nil {
		return fmt.Errorf("%s: %w", CommandHello, err)
	}
	s.hello = binary.BigEndian.Uint64(body[helloNonceAt:])
	plain, ok := open(body[helloBoxAt:], counted(prefixHello, s.hello), s.toClient)
	if !ok {
		return ErrServerKey
	}
	if !isZero(plain) {
		return errors.New("HELLO's box has anything but zeros in it")
	}
	return nil
}

func isZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// Welcome returns the body of WELCOME.
func (s *Server) Welcome() ([]byte, error) {
	if err := s.step.advance(welcomed); err != nil {
		return nil, err
	}
	short, err := generate(s.random)
	if err != nil {
		return nil, err
	}
	var noise [KeySize + 2*longNonce]byte
	if _, err := io.ReadFull(s.random, noise[:]); err != nil {
		return nil, fmt.Errorf("generate nonces: %w", err)
	}
	cookieKey := [KeySize]byte(noise[:KeySize])
	cookieNonce, nonce := noise[KeySize:KeySize+longNonce], noise[KeySize+longNonce:]
	s.short, s.cookieKey, s.welcomed = short, &cookieKey, time.Now()

	plain := make([]byte, 0, KeySize+cookieSize)
	plain = append(plain, short.public[:]...)
	plain = append(plain, cookieNonce...)
	inCookie := append(s.clientShort[:], short.key[:]...)
	plain = seal(plain, inCookie, random(prefixCookie, cookieNonce), s.cookieKey)

	body := append(make([]byte, 0, welcomeSize), nonce...)
	return seal(body, plain, random(prefixWelcome, nonce), s.toClient), nil
}

// Initiate handles the body of the client's INITIATE. It returns the client's
// public key, which the client has proved to own, and its metadata.
func (s *Server) Initiate(body []byte) (client Public, metadata []byte, err error) {
	if err := s.step.advance(initiated); err != nil {
		return client, nil, err
	}
	client, metadata, err = s.takeInitiate(body)
	if err != nil {
		s.step = broken
	}
	return client, metadata, err
}

func (s *Server) takeInitiate(body []byte) (client Public, metadata []byte, err error) {
	if err := checkSize(CommandInitiate, body, initiateSize, false); err != nil {
		return client, nil, err
	}
	if err := s.checkCookie(body[:cookieSize]); err != nil {
		return client, nil, err
	}
	if s.session, err = shared(s.short, &s.clientShort); err != nil {
		return client, nil, fmt.Errorf("%s: %w", CommandInitiate, err)
	}
	s.last = binary.BigEndian.Uint64(body[initiateNonceAt:])
	plain, ok := open(body[initiateBoxAt:], counted(prefixInitiate, s.last), s.session)
	if !ok {
		return client, nil, errForged(CommandInitiate)
	}
	if s.last <= s.hello {
		return client, nil, fmt.Errorf("INITIATE has nonce %d after %d of HELLO: a nonce was used again", s.last, s.hello)
	}
	client = Public(plain)
	if err := s.checkVouch(&client, plain[KeySize:vouchedSize]); err != nil {
		return client, nil, err
	}
	return client, plain[vouchedSize:], nil
}

// checkCookie checks that the cookie is the one of our WELCOME, and drops its key.
func (s *Server) checkCookie(cookie []byte) error {
	key := s.cookieKey
	s.cookieKey = nil
	if time.Since(s.welcomed) > cookieLife {
		return fmt.Errorf("INITIATE came more than %v after WELCOME: its cookie is stale", cookieLife)
	}
	plain, ok := open(cookie[longNonce:], random(prefixCookie, cookie[:longNonce]), key)
	if !ok || !bytes.Equal(plain[:KeySize], s.clientShort[:]) || !bytes.Equal(plain[KeySize:], s.short.key[:]) {
		return errors.New("INITIATE has a cookie that is not this session's")
	}
	return nil
}

// checkVouch checks that the owner of the client's key opened this session, and
// opened it with us.
func (s *Server) checkVouch(client *Public, vouch []byte) error {
	key, err := shared(s.short, client)
	if err != nil {
		return fmt.Errorf("%s: %w", CommandInitiate, err)
	}
	plain, ok := open(vouch[longNonce:], random(prefixVouch, vouch[:longNonce]), key)
	if !ok {
		return errors.New("INITIATE has a vouch that cannot be opened: the peer does not own the key that it shows")
	}
	if !bytes.Equal(plain[:KeySize], s.clientShort[:]) || !bytes.Equal(plain[KeySize:], s.secret.public[:]) {
		return errors.New("INITIATE has a vouch for another session or another server")
	}
	return nil
}

// Ready returns the body of READY, which carries our metadata, and the session
// that seals and opens messages from then on.
func (s *Server) Ready(metadata []byte) (body []byte, session *Session, err error) {
	if err := s.step.advance(done); err != nil {
		return nil, nil, err
	}
	body = binary.BigEndian.AppendUint64(make([]byte, 0, readySize+len(metadata)), 1)
	body = seal(body, metadata, counted(prefixReady, 1), s.session)
	return body, newSession(s.session, prefixServer, 2, prefixClient, s.last), nil
}
