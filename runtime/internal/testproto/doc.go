// Package testproto has messages for the runtime's tests: of proto2, of proto3
// and of edition 2023, the latter with the open and with the opaque API.
package testproto
