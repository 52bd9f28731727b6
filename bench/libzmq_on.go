//go:build libzmq

package main

// withLibzmq has nothing to do: libzmq is in this program.
func withLibzmq(string, []string) (done bool, err error) { return false, nil }
