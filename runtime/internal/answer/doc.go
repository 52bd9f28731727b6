// Package answer is the server's engine of calls: it takes requests from a socket's
// Router, finds their methods, lets as many run at once as it may, and answers
// them; and so it does with calls that have streams, whose life it keeps. It speaks
// bodies and metadata; a Work of whoever uses it decodes the request, calls the
// handler and encodes the reply. Its errors are those of package status, with the
// code and the text that a caller gets.
package answer
