// Package transport turns ZeroMQ endpoint strings into listeners and connections. A
// connection is a plain byte stream: the package knows nothing about the
// protocol on it. It leaves no goroutine behind.
package transport
