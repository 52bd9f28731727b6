// Package wire has every frame and header that docs/PROTOCOL.md specifies in its
// sections 4 to 6, as encoders and parsers side by side: calls in call.go,
// publications in publication.go, tasks and results in task.go. It knows bytes and
// the messages of wire.proto, but neither users' messages nor sockets. Nothing
// above this package counts frames.
package wire
