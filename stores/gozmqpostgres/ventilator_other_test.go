//go:build !unix

package gozmqpostgres

// runVentilator is for systems that can kill and stop processes by signals.
func runVentilator([]string) int { return 1 }
