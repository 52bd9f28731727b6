package endpoint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

// A Target holds the endpoints to connect or bind, and their security.
type Target struct {
	Context
	Bind           bool
	ConnectTimeout time.Duration

	verb   string
	env    func(string) string
	secret bool // the key of CURVE is in the environment

	mu       sync.Mutex
	failure  *gozmq.Event // the last that kept a peer away
	peers    int
	reached  bool // there was a peer
	watchers []func(gozmq.Event)
}

// String returns the endpoints for people to read.
func (t *Target) String() string { return strings.Join(t.Endpoints, ", ") }

// Check returns an error when there is no endpoint.
func (t *Target) Check() error {
	if len(t.Endpoints) == 0 {
		return errors.New("no endpoint; write one, as tcp://127.0.0.1:5555, or name a context with --context")
	}
	return nil
}

// ForAdmin returns a target with the same credentials that connects to the admin
// service; nil: none is known.
func (t *Target) ForAdmin() *Target {
	if t.Admin == "" {
		return nil
	}
	return t.At(t.Admin)
}

// At returns a target with the same credentials that connects to other
// endpoints.
func (t *Target) At(endpoints ...string) *Target {
	other := &Target{Context: t.Context, ConnectTimeout: t.ConnectTimeout, verb: t.verb, env: t.env, secret: t.secret}
	other.Endpoints = endpoints
	return other
}

// Options returns the options of a socket for this target: its endpoints, its
// security, and a handler of events, from which Explain knows. O is the option
// of a role, as gozmq.DialOption; more are further ones.
func Options[O any](t *Target, more ...O) ([]O, error) {
	return OptionsAt(t, t.Ends(), more...)
}

// Ends are the endpoints, to connect to or to bind.
func (t *Target) Ends() gozmq.Endpoints {
	if t.Bind {
		return gozmq.Bind(t.Endpoints...)
	}
	return gozmq.Connect(t.Endpoints...)
}

// OptionsAt is Options for a role whose endpoints have a separate option, such as
// gozmq.From.
func OptionsAt[O any](t *Target, ends any, more ...O) ([]O, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	list := []any{ends, gozmq.WithEventHandler(t.event)}
	security, err := t.Security()
	if err != nil {
		return nil, err
	}
	if security != nil {
		list = append(list, gozmq.WithSecurity(*security))
	}
	options := make([]O, 0, len(list)+len(more))
	for _, o := range list {
		own, ok := o.(O)
		if !ok {
			return nil, fmt.Errorf("%T is no option of this socket", o)
		}
		options = append(options, own)
	}
	return append(options, more...), nil
}

// Security returns the mechanism with its credentials; nil: none is asked for.
func (t *Target) Security() (*gozmq.Security, error) {
	curve := t.CurveKey != "" || t.secret || t.CurveServer != ""
	switch {
	case curve && t.PlainUser != "":
		return nil, errors.New("both CURVE and PLAIN are asked for; leave --plain-user or the keys out")
	case curve:
		return t.curve()
	case t.PlainUser != "":
		return t.plain()
	}
	return nil, nil
}

func (t *Target) curve() (*gozmq.Security, error) {
	key, err := t.key()
	if err != nil {
		return nil, err
	}
	if t.CurveServer == "none" || t.CurveServer == "" && t.Bind {
		return t.curveServer(key)
	}
	if t.CurveServer == "" {
		return nil, errors.New("CURVE needs the server's public key: --curve-server KEY-or-FILE")
	}
	server, err := publicKey(t.CurveServer)
	if err != nil {
		return nil, err
	}
	s := gozmqcurve.Client(key, server)
	return &s, nil
}

// key returns this side's key; a new one where none is named.
func (t *Target) key() (gozmqcurve.SecretKey, error) {
	switch {
	case t.secret:
		key, err := gozmqcurve.ParseSecretKey(t.env(EnvCurveSecret))
		if err != nil {
			err = fmt.Errorf("%s: %w", EnvCurveSecret, err)
		}
		return key, err
	case t.CurveKey == "":
		return gozmqcurve.NewKey()
	}
	key, err := gozmqcurve.LoadKey(t.CurveKey)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w; make a key with gozmq keygen", err)
		}
		return key, fmt.Errorf("--curve-key: %w", err)
	}
	return key, nil
}

func (t *Target) curveServer(key gozmqcurve.SecretKey) (*gozmq.Security, error) {
	switch {
	case t.CurveKey == "" && !t.secret:
		return nil, errors.New("a CURVE server needs its key: --curve-key FILE")
	case t.CurveAllow == "":
		return nil, errors.New("a CURVE server needs to know who may connect: --curve-allow FOLDER, or any")
	case t.CurveAllow == "any":
		s := gozmqcurve.Server(key, gozmq.AllowAny)
		return &s, nil
	}
	folder, err := gozmqcurve.OpenKeyFolder(t.CurveAllow)
	if err != nil {
		return nil, fmt.Errorf("--curve-allow: %w", err)
	}
	s := gozmqcurve.Server(key, folder.Authenticate)
	return &s, nil
}

// IsKey reports whether the text of --curve-server is a key, and not a file: a path
// may look like a key, so an existing file takes precedence.
func IsKey(text string) bool {
	if _, err := os.Stat(text); err == nil || len(text) != 40 {
		return false
	}
	_, err := gozmqcurve.ParsePublicKey(text)
	return err == nil
}

// publicKey reads a key that is written in Z85, or in a certificate's file.
func publicKey(text string) (gozmq.PublicKey, error) {
	if IsKey(text) {
		return gozmqcurve.ParsePublicKey(text)
	}
	c, err := gozmqcurve.LoadCertificate(text)
	if err != nil {
		return c.PublicKey, fmt.Errorf("--curve-server is neither a key of 40 characters nor a certificate: %w", err)
	}
	return c.PublicKey, nil
}

func (t *Target) plain() (*gozmq.Security, error) {
	password := t.env(EnvPlainPassword)
	if t.PlainPasswordFile != "" {
		b, err := os.ReadFile(t.PlainPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("--plain-password-file: %w", err)
		}
		password = strings.TrimRight(string(b), "\r\n")
	} else if password == "" {
		return nil, errors.New("PLAIN needs a password: --plain-password-file FILE, or " + EnvPlainPassword)
	}
	s := gozmq.PlainClient(t.PlainUser, password)
	if t.Bind {
		s = gozmq.PlainServer(gozmq.Passwords(map[string]string{t.PlainUser: password}))
	}
	return &s, nil
}

// Watch registers f for each event of the sockets that are opened later.
func (t *Target) Watch(f func(gozmq.Event)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watchers = append(t.watchers, f)
}

// event keeps what Explain says.
func (t *Target) event(e gozmq.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case gozmq.EventConnected:
		t.peers++
		t.reached = true
		t.failure = nil
	case gozmq.EventDisconnected:
		t.peers--
	case gozmq.EventDialFailed, gozmq.EventHandshakeFailed, gozmq.EventAuthFailed, gozmq.EventAcceptFailed:
		t.failure = &e
	}
	for _, f := range t.watchers {
		f(e)
	}
}

// Reached reports whether somebody was connected.
func (t *Target) Reached() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reached
}

// Explain returns err with the reason that the connections show, and with advice:
// no peer answers, the key is wrong, or a peer is another kind of socket.
func (t *Target) Explain(err error) error {
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.peers > 0 || t.failure == nil {
		return err
	}
	return &explained{err: err, text: t.reason(*t.failure)}
}

// reason puts an event into plain words.
func (t *Target) reason(e gozmq.Event) string {
	where := e.Endpoint
	if where == "" {
		where = e.Peer
	}
	if where == "" {
		where = t.String()
	}
	why := "for no reason that it tells"
	if e.Err != nil {
		why = strings.TrimPrefix(e.Err.Error(), where+": ")
	}
	switch {
	case e.Kind == gozmq.EventDialFailed:
		return fmt.Sprintf("nobody is at %s (%s); is the program running, and the endpoint right?", where, why)
	case mismatched(why):
		return t.otherRole(where, why)
	}
	return fmt.Sprintf("%s does not let us in: %s; check the keys, the password and the mechanism (gozmq doctor says what it asks for)", where, why)
}

// mismatched reports whether a handshake failed because the sockets do not go
// together, which another attempt does not change.
func mismatched(why string) bool {
	return slices.ContainsFunc([]string{"roles do not fit", "socket type", "does not go with", "Socket-Type"}, func(part string) bool {
		return strings.Contains(why, part)
	})
}

// Mismatch reports whether the only endpoint of t has a socket or a mechanism that
// ours does not go with, so that to wait for a connection is in vain.
func (t *Target) Mismatch() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failure != nil && t.hopeless(*t.failure)
}

func (t *Target) hopeless(e gozmq.Event) bool {
	return !t.Bind && len(t.Endpoints) == 1 && e.Kind == gozmq.EventHandshakeFailed && e.Err != nil &&
		(mismatched(e.Err.Error()) || strings.Contains(e.Err.Error(), "peer wants security mechanism"))
}

// OnMismatch registers f, to be called when Mismatch becomes true.
func (t *Target) OnMismatch(f func()) {
	t.Watch(func(e gozmq.Event) {
		if t.hopeless(e) {
			f()
		}
	})
}

// Waiting returns a context in which to wait for a peer: it ends after
// --connect-timeout, if there is one, and as soon as Mismatch is true.
func (t *Target) Waiting(ctx context.Context) (context.Context, context.CancelFunc) {
	waiting, cancel := context.WithCancel(ctx)
	if t.ConnectTimeout > 0 {
		waiting, cancel = context.WithTimeout(ctx, t.ConnectTimeout)
	}
	t.OnMismatch(cancel)
	if t.Mismatch() {
		cancel()
	}
	return waiting, cancel
}

// partners are the roles that go with a role.
var partners = map[string]string{
	"client": "server", "server": "client", "publisher": "subscriber", "subscriber": "publisher",
	"ventilator": "worker", "worker": "ventilator", "sink": "worker",
}

// fitting are the verbs that go with a role.
var fitting = map[string]string{
	"server": "call", "client": "serve --connect", "publisher": "sub", "subscriber": "pub",
	"ventilator": "pull", "worker": "push", "sink": "push",
}

// twoRoles finds the roles of both ends in the error of a handshake.
var twoRoles = regexp.MustCompile(`This end is a ([a-z]+), .*, the peer is a ([a-z]+)\b`)

// otherRole says that a peer has a role that does not go with ours.
func (t *Target) otherRole(where, why string) string {
	m := twoRoles.FindStringSubmatch(why)
	if m == nil || fitting[m[2]] == "" {
		return fmt.Sprintf("%s is a socket of another kind (%s); gozmq doctor says which verb goes with it", where, why)
	}
	return fmt.Sprintf("%s is a %s; %s needs a %s; try gozmq %s", where, m[2], t.verb, partners[m[1]], fitting[m[2]])
}

// explained is an error with the text of its reason.
type explained struct {
	err  error
	text string
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }
