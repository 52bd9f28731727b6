// Package call is the client's engine of calls: it makes a call over a socket's
// Dealer as often as its method allows, once, one attempt after another, or several
// at once, and so it does with a call that has streams. It speaks bodies and
// metadata; whoever uses it encodes and decodes them. Its errors are those of
// package status, with the code and the text that a caller sees.
package call
