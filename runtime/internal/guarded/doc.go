// Package guarded runs foreign code, which may panic or end its goroutine, and
// turns both into errors.
package guarded
