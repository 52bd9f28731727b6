package conformance

func complaintProperties() []property {
	return []property{
		{section: "6", name: "REQ hangs when its server died", like: "2 REQ does not hang on a dead server",
			text: "It fails at once, or moves to another server."},
		{section: "6", name: "tasks are lost with a dead worker", like: "2 PUSH keeps what was not sent",
			text: "What was not handed to the kernel goes to another worker; with `DELIVERY_AT_LEAST_ONCE` all of it does."},
		{section: "6", name: "slow joiners miss the first messages", on: all, test: subReady,
			text: "A subscriber can wait until its publishers know of its subscriptions: what is published from then on arrives."},
		{section: "6", name: "high-water marks drop in silence", like: "2 PUB drops when full and counts",
			text: "What is dropped is counted, and reported with its peer."},
		{section: "6", name: "half-open connections are not noticed", on: onTCP | onLibzmqTCP, test: halfOpen,
			text: "When the network goes silent a subscriber gives the connection up, connects again and gets what it is subscribed to."},
		{section: "6", name: "CURVE fails without a word", like: "5 security_curve wrong server key",
			text: "Both ends report what is likely to be wrong."},
		{section: "6", name: "close hangs", like: "4 ctx_destroy",
			text: "Close ends everything that waits, within the time to linger."},
		{section: "6", name: "sockets are for one thread", like: "2 REQ is for many goroutines",
			text: "Everything may be called from any goroutine."},
	}
}
