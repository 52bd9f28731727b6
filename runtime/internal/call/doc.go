// Package call is the client's engine of calls: it makes a call over a socket's
// Dealer, with or without streams, as often as its method allows: once, one attempt
// after another, or several at once. It speaks bodies and metadata; its user
// encodes and decodes messages. Its errors are of package status, with the code and
// the text that a caller sees.
package call
