// Package gozmqimpl is what code that protoc-gen-gozmq generated calls, and is
// for such code only. It changes together with the generator, and what it has
// today may be gone in the next version. Programs call generated code and
// package gozmq.
package gozmqimpl
