// Package check has the tests of generator/check. They stand apart from what
// they test because they compile .proto files with protocompile, which go mod
// tidy would download for users of the package.
package check
