// Package soak has tests only. The short ones break connections through a
// proxy in one way at a time; TestSoak breaks and kills everything at random
// and accounts for every message. It runs for some seconds, or as long as
// -soak says:
//
//	go test ./test/soak -run TestSoak -v -soak=2m
//
// TestHostile attacks a socket from another process, in one way at a time, and
// bounds what that costs. It measures which part of its rate a good peer keeps
// when it is told for how long:
//
//	go test ./test/soak -run TestHostile -v -hostile=2s
//
// A run is repeated, as far as timing allows, with the seed that it logs:
// -soak.seed=N.
package soak
