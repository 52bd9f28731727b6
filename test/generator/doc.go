// Package generator has the tests of the generator as a whole: the golden files
// of testdata/golden, the plugin's errors, and how it does with many files. They
// stand apart from what they test because they compile .proto files with
// protocompile. go mod tidy looks at the tests of each package that a user's
// program or tools import, and would download it for users of the plugin.
package generator
