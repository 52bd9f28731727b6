// Package subscription is the engine behind a Subscriber: it passes the messages of
// one SUB socket to any number of subscriptions, each with its own queue, detects
// gaps, keeps the last values of retained topics, and joins snapshots and messages
// to the stream of a state. It knows publications as bytes, and no users' messages:
// it matches topics through Pattern, and reports events with values of this
// package.
//
// A connection's goroutine calls Hub.Receive, which matches each message and
// puts it into the queues. The goroutine that iterates over a subscription
// takes the messages out, and runs the gap detector. Locks are taken in this
// order: Hub.mu, then publisherConns.mu or Queue.mu, which are
// never held together.
package subscription
