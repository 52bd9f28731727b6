// Package prefix finds the subscribers of a topic, which are those that hold a
// prefix of it. A publisher asks it before it encodes a message.
package prefix
