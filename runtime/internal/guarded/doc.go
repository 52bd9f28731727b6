// Package guarded runs code of others, which may panic or end its goroutine,
// and turns both into errors.
package guarded
