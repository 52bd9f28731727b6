package gozmq

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
)

var errUnknownKey = errors.New("the key is not on the list")

// AllowKeys returns an Authenticator for CURVE that admits the owners of these
// keys. The identity's name is the key in Z85. For a list that changes use a
// CurveKeyList or a CurveKeyFolder.
func AllowKeys(keys ...CurvePublicKey) Authenticator {
	list := new(CurveKeyList)
	names := make(map[CurvePublicKey]AuthIdentity, len(keys))
	for _, k := range keys {
		names[k] = AuthIdentity{Name: k.String()}
	}
	list.Replace(names)
	return list.Authenticate
}

// A CurveKeyList is a list of public keys that may change while it is in use.
// The zero value is an empty list, which admits no one. Its methods may be
// called from any goroutine.
type CurveKeyList struct {
	keys atomic.Pointer[map[CurvePublicKey]AuthIdentity]
}

// Replace replaces the whole list by these keys and their owners. It copies the
// map, but not the metadata in it. Connected peers stay connected.
func (l *CurveKeyList) Replace(keys map[CurvePublicKey]AuthIdentity) {
	keys = maps.Clone(keys)
	l.keys.Store(&keys)
}

// Authenticate admits the owners of the keys on the list (Authenticator).
func (l *CurveKeyList) Authenticate(_ context.Context, r *AuthRequest) (*AuthIdentity, error) {
	if r.Mechanism != MechanismCurve {
		return nil, errors.New("a list of keys cannot decide on a peer that speaks " + string(r.Mechanism))
	}
	if keys := l.keys.Load(); keys != nil {
		if id, ok := (*keys)[r.PublicKey]; ok {
			return &id, nil
		}
	}
	return nil, errUnknownKey
}
