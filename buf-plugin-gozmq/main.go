// Command buf-plugin-gozmq is a check plugin for buf. It finds what a change of
// gozmq's annotations breaks between peers, which "buf breaking" does not look
// at, and what protoc-gen-gozmq refuses. docs/guide/check.md says how to use it.
package main

import "buf.build/go/bufplugin/check"

func main() { check.Main(spec()) }
