// Package gozmqimpl is only for code that protoc-gen-gozmq has generated. It
// changes together with the generator, and any part of it may be removed in the
// next version. Programs call generated code and package gozmq.
package gozmqimpl
