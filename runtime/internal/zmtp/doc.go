// Package zmtp encodes and parses the frames, commands, metadata and socket
// types of ZMTP 3.1 (RFC 37). It starts no goroutines and touches no network.
// It checks every size that a peer claims before memory is allocated for it.
package zmtp
