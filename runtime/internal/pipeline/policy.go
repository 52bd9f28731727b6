package pipeline

import "github.com/gozmq/gozmq/runtime/internal/taskqueue"

// A Policy holds a method's settings for the attempts of its tasks. The zero value
// leaves all to the dispatcher's.
type Policy struct {
	Backoff taskqueue.Backoff // in place of the configuration's, unless its First is 0
	Limits  taskqueue.MethodLimit
}

// SetPolicy sets the policy of a method. Tasks that wait for a time already go on
// to wait for it.
func (d *Dispatcher) SetPolicy(procedure string, p Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.policies[procedure] == p {
		return
	}
	if d.policies == nil {
		d.policies = make(map[string]Policy)
	}
	d.policies[procedure] = p
	d.apply(procedure, p)
	d.dispatch()
}

// apply applies a policy to the queue; d.mu is held, or d is not shared yet.
func (d *Dispatcher) apply(procedure string, p Policy) {
	if p.Backoff.First > 0 {
		d.queue.SetBackoff(procedure, p.Backoff)
	}
	if _, replaced := d.cfg.Limits[procedure]; !replaced {
		d.queue.LimitMethod(procedure, p.Limits)
	}
}
