// Command buf-plugin-gozmq is a check plugin for buf. It reports changes of gozmq's
// annotations that break the communication between peers, which "buf breaking" does
// not check, and files that protoc-gen-gozmq refuses. docs/guide/check.md explains
// its use.
package main

import "buf.build/go/bufplugin/check"

func main() { check.Main(spec()) }
