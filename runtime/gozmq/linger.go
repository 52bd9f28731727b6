package gozmq

import (
	"context"
	"errors"
	"time"
)

// lingering calls shutdown with a context that ends after d.
func lingering(d time.Duration, shutdown func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errLinger)
	defer cancel()
	return shutdown(ctx)
}

var errLinger = errors.New("closed with messages unsent (raise the time with WithLinger)")
