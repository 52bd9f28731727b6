// Package gozmqops manages the sockets of a program: their readiness, their
// counters, and their common end.
//
// A [Group] has the roles of a program under names. [Group.Snapshot] describes
// them as plain values, from which package gozmqhttp makes /readyz, /metrics and a
// page to read. [Group.Run] runs servers, workers and proxies until its context
// ends, then stops everything in order, and notifies systemd.
package gozmqops
