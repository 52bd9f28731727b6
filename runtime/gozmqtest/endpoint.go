package gozmqtest

import "crypto/rand"

// Endpoint returns a new inproc endpoint, which one side binds and the other
// connects to.
func Endpoint() string { return "inproc://gozmqtest/" + rand.Text() }
