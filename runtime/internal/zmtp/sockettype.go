package zmtp

// A SocketType is the type that a socket announces (RFC 23, 28, 29, 30).
type SocketType string

const (
	Req    SocketType = "REQ"
	Rep    SocketType = "REP"
	Dealer SocketType = "DEALER"
	Router SocketType = "ROUTER"
	Pub    SocketType = "PUB"
	XPub   SocketType = "XPUB"
	Sub    SocketType = "SUB"
	XSub   SocketType = "XSUB"
	Push   SocketType = "PUSH"
	Pull   SocketType = "PULL"
)

// Compatible reports whether a socket of type t can talk to a peer of that type.
func (t SocketType) Compatible(peer SocketType) bool {
	switch t {
	case Req:
		return peer == Rep || peer == Router
	case Rep:
		return peer == Req || peer == Dealer
	case Dealer:
		return peer == Rep || peer == Dealer || peer == Router
	case Router:
		return peer == Req || peer == Dealer || peer == Router
	case Pub, XPub:
		return peer == Sub || peer == XSub
	case Sub, XSub:
		return peer == Pub || peer == XPub
	case Push:
		return peer == Pull
	case Pull:
		return peer == Push
	default:
		return false
	}
}
