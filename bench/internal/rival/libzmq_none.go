//go:build !libzmq

package rival

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

const libzmqName = "libzmq (cgo)"

func libzmq() []Rival {
	return []Rival{{Name: libzmqName, Missing: "libzmq not installed"}}
}

func libzmqEnds() []Ends { return nil }

// RunLibzmqProxy fails: there is no libzmq.
func RunLibzmqProxy(gozmq.Pattern, func(front, back string) error) error {
	return errors.New("libzmq not installed")
}
