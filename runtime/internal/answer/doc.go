// Package answer is the server's engine of calls: it receives requests from a
// socket's Router, finds their methods, runs as many at once as its configuration
// allows, and answers them. It also manages calls with streams. It speaks bodies
// and metadata; its user's Work decodes the request, calls the handler and encodes
// the reply. Its errors are of package status, with the code and the text that a
// caller gets.
package answer
