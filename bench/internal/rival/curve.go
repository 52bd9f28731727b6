package rival

import (
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

// A keyPairs is what the two ends of a connection with CURVE have.
type keyPairs struct{ server, client gozmqcurve.SecretKey }

func newKeyPairs() (*keyPairs, error) {
	server, err := gozmqcurve.NewKey()
	if err != nil {
		return nil, err
	}
	client, err := gozmqcurve.NewKey()
	return &keyPairs{server, client}, err
}

// bound and dialed are options of ours for the two ends; nil has none.
func (k *keyPairs) bound() []any {
	if k == nil {
		return nil
	}
	return []any{gozmq.WithSecurity(gozmqcurve.Server(k.server, gozmqcurve.AllowKeys(k.client.Public())))}
}

func (k *keyPairs) dialed() []any {
	if k == nil {
		return nil
	}
	return []any{gozmq.WithSecurity(gozmqcurve.Client(k.client, k.server.Public()))}
}

// Secured returns ours and libzmq, each without and with CURVE.
func Secured() []Rival {
	theirs := libzmq()[0]
	return []Rival{secured(gozmqRival()), gozmqRival(), secured(theirs), theirs}
}

// secured returns a rival with CURVE.
func secured(r Rival) Rival {
	unary, push := r.Unary, r.Push
	with := func(o Options) (Options, error) {
		keys, err := newKeyPairs()
		o.curve = keys
		return o, err
	}
	r.Name += " + CURVE"
	if r.Missing != "" {
		return r
	}
	r.Unary = func(o Options) (Unary, error) {
		o, err := with(o)
		if err != nil {
			return nil, err
		}
		return unary(o)
	}
	r.Push = func(o Options) (Stream, error) {
		o, err := with(o)
		if err != nil {
			return nil, err
		}
		return push(o)
	}
	r.Feed = nil
	return r
}
