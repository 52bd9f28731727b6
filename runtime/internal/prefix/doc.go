// Package prefix finds the subscribers of a topic, that is, the holders of its
// prefixes (Tree), and the values of its prefixes (Map). A publisher searches the
// Tree before it encodes a message.
package prefix
