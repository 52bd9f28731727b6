// Package throttle slows down a source that causes costly work too often.
package throttle
