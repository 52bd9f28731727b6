// Package handshake opens ZMTP connections. It lets zmq4 shake hands behind a
// guard that checks every size a peer claims, and speaks the mechanisms NULL,
// PLAIN and CURVE itself (RFC 23, 24, 26, 37). Traffic after the handshake does not
// pass through this package, which is the only one that imports zmq4.
package handshake
