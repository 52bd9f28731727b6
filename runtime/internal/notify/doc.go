// Package notify wakes goroutines: a Broadcast wakes all that wait, a Token one.
package notify
