// Package optionfield has the field numbers of annotations.proto, for code that
// refers to its fields, or reads them without the Go code of that file.
package optionfield

// Extension is the number of every extension.
const Extension = 57557

// The fields of the messages, by message.
const (
	ServicePattern  = 1
	ServiceFraming  = 2
	ServiceDelivery = 3

	MethodTimeout = 1
	MethodRetry   = 2
	MethodTopic   = 3
	MethodTask    = 4

	MessageTopic = 1
	MessageTask  = 2

	RetryMaxAttempts = 1

	TopicTemplate   = 1
	TopicRetain     = 2
	TopicLatestOnly = 3
	TopicSequenced  = 4
	TopicSnapshot   = 5

	TaskDelivery    = 1
	TaskMaxAttempts = 2
	TaskLease       = 3
	TaskBackoff     = 4
	TaskLimit       = 5
	TaskLimitPerKey = 6
	TaskRetain      = 7

	BackoffInitial    = 1
	BackoffMax        = 2
	BackoffMultiplier = 3

	LimitRunning = 1
	LimitEvery   = 2
	LimitBurst   = 3
)
