// Package gozmqcurve encrypts and authenticates connections with CURVE (RFC 26),
// ZeroMQ's own public-key security. It makes, reads and writes keys, and decides
// on clients by lists of keys.
//
// [Server] and [Client] return a [gozmq.Security] for [gozmq.WithSecurity] and
// for the Secured method of [gozmq.Endpoints]. [NewKey] makes a key, [SaveKey]
// writes it to a pair of certificate files, as gozmq keygen does, and
// [LoadKey] and [LoadCertificate] read them; CZMQ and pyzmq read and write the
// same files. [AllowKeys], a [KeyList] and a [KeyFolder] decide on clients by
// their keys.
package gozmqcurve
