package bridge

import "github.com/gozmq/gozmq/runtime/internal/handshake"

// A Security is what gozmq.Security holds. It is a function because fmt, which
// must not print credentials, looks into everything else.
type Security func() (*handshake.Security, error)

// With returns a copy of s that change has changed. The copy has the error of s,
// else that of change.
func (s Security) With(change func(*handshake.Security) error) Security {
	own, err := s()
	if err == nil {
		with := *own
		own, err = &with, change(&with)
	}
	return func() (*handshake.Security, error) { return own, err }
}
