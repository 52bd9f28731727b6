// Package notify wakes goroutines: a Broadcast wakes all that wait, a Token one.
// Wait is for what may have happened when its context ends.
package notify
