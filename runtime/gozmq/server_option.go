package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type serverConfig struct {
	socketConfig
	interceptors interceptorOption
	interceptor  Interceptor // all of them
	concurrency  int
	queue        int
	drain        time.Duration
	idle         time.Duration // of streams; 0: none
	maxAge       time.Duration // of streams; 0: none
	onPanic      func(ctx context.Context, m *Method, value any, stack []byte)
}

// Options from other files that NewServer takes.

func (o socketOption) applyServer(c *serverConfig) { o(&c.socketConfig) }
func (e Endpoints) applyServer(c *serverConfig)    { e.add(&c.endpoints) }
func (o codecOption) applyServer(c *serverConfig)  { o.apply(&c.socketConfig) }
func (o interceptorOption) applyServer(c *serverConfig) {
	c.interceptors = append(c.interceptors, o...)
}
func (o concurrencyOption) applyServer(c *serverConfig) { c.concurrency = int(o) }
func (o drainOption) applyServer(c *serverConfig)       { c.drain = time.Duration(o) }

func newServerConfig() serverConfig {
	return serverConfig{
		socketConfig: newSocketConfig(zmtp.Router, handshake.RoleServer),
		concurrency:  10000,
		drain:        10 * time.Second,
	}
}

// check reports everything that is wrong with the options and the endpoints.
func (c *serverConfig) check() error {
	errs := []error{c.socketConfig.check(), c.interceptors.check(), c.endpoints.check()}
	if c.concurrency < 1 {
		errs = append(errs, fmt.Errorf("WithConcurrency: %d, want at least 1", c.concurrency))
	}
	if c.queue < 0 {
		errs = append(errs, fmt.Errorf("WithMaxWaiting: %d, want 0 or more", c.queue))
	}
	if c.drain < 0 {
		errs = append(errs, fmt.Errorf("WithDrainTimeout: %v, want 0 or more", c.drain))
	}
	if c.idle < 0 {
		errs = append(errs, fmt.Errorf("WithIdleTimeout: %v, want 0 or more", c.idle))
	}
	if c.maxAge < 0 {
		errs = append(errs, fmt.Errorf("WithMaxStreamAge: %v, want 0 or more", c.maxAge))
	}
	return errors.Join(errs...)
}

type serverOption func(*serverConfig)

func (o serverOption) applyServer(c *serverConfig) { o(c) }

// WithMaxWaiting sets how many calls may wait, first come first served, while
// as many run as WithConcurrency allows. Default: 0.
func WithMaxWaiting(n int) ServerOption {
	return serverOption(func(c *serverConfig) { c.queue = n })
}

// WithPanicHandler calls f when a handler panics, in the handler's goroutine.
// value is nil when the handler called runtime.Goexit. The caller learns only
// that an internal error occurred.
func WithPanicHandler(f func(ctx context.Context, m *Method, value any, stack []byte)) ServerOption {
	return serverOption(func(c *serverConfig) { c.onPanic = f })
}
