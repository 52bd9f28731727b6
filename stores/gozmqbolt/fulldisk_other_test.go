//go:build !linux

package gozmqbolt

func runFill([]string) int { return 2 }
