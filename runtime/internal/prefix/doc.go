// Package prefix finds the subscribers of a topic, which are those that hold a
// prefix of it, and the texts that a topic begins with. A publisher asks it before
// it encodes a message.
package prefix
