package gozmqtest

import (
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

// CurveKey returns a new secret key for CURVE; its Public method returns the
// public key. The test fails at once when the system has no random numbers.
func CurveKey(t TB) gozmqcurve.SecretKey {
	t.Helper()
	k, err := gozmqcurve.NewKey()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return k
}
