package gozmqadmin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// The number of entries of a page: that which nobody has asked for, and the
// largest.
const (
	defaultPage = 100
	maxPage     = 1000
)

func pageSize(asked uint32) int {
	if asked == 0 {
		return defaultPage
	}
	return int(min(asked, maxPage))
}

// A peerPlace is where a page of peers ends: after a peer of a socket, which may
// have gone since.
type peerPlace struct {
	Name    string    `json:"Name"`
	Side    string    `json:"Side"`
	Since   time.Time `json:"Since"`
	Address string    `json:"Address"`
}

// ListPeers returns the peers that are connected to roles.
func (s *server) ListPeers(_ context.Context, req *adminv1.ListPeersRequest) (*adminv1.ListPeersResponse, error) {
	snapshot, err := s.sockets(req.GetRoles())
	if err != nil {
		return nil, err
	}
	from, err := parsePlace(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	size, begun, last := pageSize(req.GetPageSize()), from == nil, peerPlace{}
	resp := &adminv1.ListPeersResponse{}
	for i := range snapshot.Sockets {
		socket := &snapshot.Sockets[i]
		here := !begun && from.Name == socket.Name && from.Side == socket.Side
		if begun = begun || here; !begun {
			continue
		}
		for _, p := range socket.Stats.Peers {
			if here && !from.before(&p) {
				continue
			}
			if len(resp.GetPeers()) == size {
				resp.NextPageToken = last.token()
				return resp, nil
			}
			resp.Peers = append(resp.Peers, newPeer(socket, &p))
			last = peerPlace{socket.Name, socket.Side, p.Since, p.Address}
		}
	}
	if !begun {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "the page token is of role %.128q, which is gone: begin with the first page", from.Name)
	}
	return resp, nil
}

// before reports whether a peer of the same socket comes after the place.
func (p *peerPlace) before(peer *gozmq.PeerStats) bool {
	if c := p.Since.Compare(peer.Since); c != 0 {
		return c < 0
	}
	return strings.Compare(p.Address, peer.Address) < 0
}

func (p *peerPlace) token() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // a time can be written until the year 9999
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parsePlace returns the place of a token; nil for the first page.
func parsePlace(token string) (*peerPlace, error) {
	if token == "" {
		return nil, nil
	}
	p := new(peerPlace)
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "the page token is not one of ListPeers")
	}
	return p, nil
}

func newPeer(socket *gozmqops.Socket, p *gozmq.PeerStats) *adminv1.Peer {
	out := &adminv1.Peer{
		Role: valid(socket.Name), Side: socket.Side, Address: valid(p.Address), Endpoint: valid(p.Endpoint), Dialed: p.Dialed,
		SocketType: valid(p.SocketType), RoutingId: []byte(p.RoutingID), Mechanism: string(p.Mechanism),
		User: valid(p.User), UserId: valid(p.Identity), Since: timestamppb.New(p.Since), Traffic: newTraffic(&p.Traffic),
		QueuedMessages: u64(p.QueuedMessages), QueuedBytes: u64(p.QueuedBytes), Subscriptions: u32(p.Subscriptions), InFlight: u32(p.InFlight),
		RoundTrip: positive(p.RoundTrip),
	}
	if (p.PublicKey != gozmq.PublicKey{}) {
		out.PublicKey = p.PublicKey.String()
	}
	return out
}
