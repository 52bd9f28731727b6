package gozmqpostgres

import "testing"

// ServerURL returns the URL of a database on the server of all tests.
func ServerURL(t testing.TB) string {
	t.Helper()
	s := server(t)
	return s.URL(s.Addr())
}
