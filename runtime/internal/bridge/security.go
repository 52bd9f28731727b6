package bridge

import "github.com/gozmq/gozmq/runtime/internal/handshake"

// A Security is the implementation of gozmq.Security. It is a function, because fmt
// would print the credentials in any other value.
type Security func() (*handshake.Security, error)

// With returns a copy of s after change. The copy has the error of s, otherwise the
// error of change.
func (s Security) With(change func(*handshake.Security) error) Security {
	own, err := s()
	if err == nil {
		with := *own
		own, err = &with, change(&with)
	}
	return func() (*handshake.Security, error) { return own, err }
}
