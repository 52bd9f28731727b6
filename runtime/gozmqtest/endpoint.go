package gozmqtest

import "crypto/rand"

// Endpoint returns an inproc endpoint that nothing else in the process uses,
// to bind on one side and connect to on the other.
func Endpoint() string { return "inproc://gozmqtest/" + rand.Text() }
