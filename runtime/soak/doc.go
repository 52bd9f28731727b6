// Package soak has tests only. The short ones break connections through a
// proxy in one way at a time; TestSoak breaks and kills everything at random
// and accounts for every message. It runs for some seconds, or as long as
// -soak says:
//
//	go test ./runtime/soak -run TestSoak -v -soak=2m
//
// A run is repeated, as far as timing allows, with the seed that it logs:
// -soak.seed=N.
package soak
