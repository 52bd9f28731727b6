// Package notify wakes goroutines: a Broadcast wakes all waiting goroutines, a
// Token wakes one. Wait waits for a channel or a context, and prefers the channel.
package notify
