package notify

import "context"

// Wait waits until done is closed, and returns true then. It returns false when ctx
// ends first, and true when both have already happened.
func Wait(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
