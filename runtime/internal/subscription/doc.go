// Package subscription is the engine behind a Subscriber: it hands what one SUB
// socket receives to any number of subscriptions, each with its own queue,
// finds out which messages were missed, keeps the last values of retained
// topics, and joins snapshots and messages to the stream of a state. It knows
// the bytes of publications and no messages of users: topics are matched
// through Pattern, and what happens is reported with values of this package.
//
// A connection's goroutine calls Hub.Receive, which matches each message and
// puts it into the queues. The goroutine that iterates over a subscription
// takes the messages out, and runs the gap detector. Locks are taken in this
// order: Hub.mu, then publisherConns.mu or Queue.mu, which are
// never held together.
package subscription
