// Package throttle slows a source down that does something costly too often.
package throttle
