package gozmqcurve

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

var (
	errUnknownKey = errors.New("the key is not on the list")
	errChangedKey = errors.New("the key's identity on the list has changed")
)

// AllowKeys returns an Authenticator for CURVE that admits the owners of these
// keys. The identity's name is the key in Z85. For a list that changes use a
// KeyList or a KeyFolder.
func AllowKeys(keys ...gozmq.PublicKey) gozmq.Authenticator {
	list := new(KeyList)
	names := make(map[gozmq.PublicKey]gozmq.AuthIdentity, len(keys))
	for _, k := range keys {
		names[k] = gozmq.AuthIdentity{Name: k.String()}
	}
	list.Replace(names)
	return list.Authenticate
}

// A KeyList is a list of public keys that may change while it is in use.
// The zero value is an empty list, which admits no one. Its methods may be
// called from any goroutine.
type KeyList struct {
	keys atomic.Pointer[map[gozmq.PublicKey]gozmq.AuthIdentity]
}

// Replace replaces the whole list by these keys and their owners. It copies the
// map, but not the metadata in it. A connected peer whose key is no longer on the
// list, or whose identity is another one, loses its connection within two seconds.
func (l *KeyList) Replace(keys map[gozmq.PublicKey]gozmq.AuthIdentity) {
	keys = maps.Clone(keys)
	l.keys.Store(&keys)
}

// Authenticate admits the owners of the keys on the list (Authenticator).
func (l *KeyList) Authenticate(_ context.Context, r *gozmq.AuthRequest) (*gozmq.AuthIdentity, error) {
	if r.Mechanism != gozmq.MechanismCurve {
		return nil, errors.New("a list of keys cannot decide on a peer that speaks " + string(r.Mechanism))
	}
	id, err := l.find(r.PublicKey)
	if err != nil {
		return nil, err
	}
	own := id.Check
	id.Check = func() error { return l.recheck(r.PublicKey, id, own) }
	return &id, nil
}

func (l *KeyList) find(key gozmq.PublicKey) (gozmq.AuthIdentity, error) {
	if keys := l.keys.Load(); keys != nil {
		if id, ok := (*keys)[key]; ok {
			return id, nil
		}
	}
	return gozmq.AuthIdentity{}, errUnknownKey
}

// recheck reports why the owner of a key, admitted with that identity, may not
// stay; own is the check that the identity came with.
func (l *KeyList) recheck(key gozmq.PublicKey, admitted gozmq.AuthIdentity, own func() error) error {
	now, err := l.find(key)
	switch {
	case err != nil:
		return err
	case now.Name != admitted.Name || !maps.Equal(now.Metadata, admitted.Metadata):
		return errChangedKey
	case own != nil:
		return own()
	}
	return nil
}
