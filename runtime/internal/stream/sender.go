package stream

// A Sender is the sending half of a stream. Two locks of the caller's guard it:
// that of senders, which is held from the look at the credit until the message is
// on its way, and that of the stream. So a message needs the second one only when
// the credit that is known has been used up.
type Sender struct {
	known Credit // limit, as it was last looked at; senders' lock
	sent  Credit // senders' lock
	limit Credit // the stream's lock
}

// Init sets the credit that the stream begins with.
func (s *Sender) Init(limit Credit) { s.known, s.limit = limit, limit }

// Grant raises the credit; less than there is changes nothing. It returns whether
// it was raised. The stream's lock is held.
func (s *Sender) Grant(c Credit) bool {
	before := s.limit
	s.limit.Messages = max(s.limit.Messages, c.Messages)
	s.limit.Bytes = max(s.limit.Bytes, c.Bytes)
	return s.limit != before
}

// Ready reports whether a message may be sent, as far as is known. The senders'
// lock is held.
func (s *Sender) Ready() bool { return s.known.allows(s.sent) }

// Look is Ready with what has been granted. Both locks are held.
func (s *Sender) Look() bool {
	s.known = s.limit
	return s.Ready()
}

// Sent counts a message. The senders' lock is held.
func (s *Sender) Sent(size int) { s.sent.add(size) }

// Messages returns how many messages were sent. The senders' lock is held.
func (s *Sender) Messages() uint64 { return s.sent.Messages }
