package stream

// A Sender is the sending half of a stream. The caller's lock guards it.
type Sender struct {
	limit Credit
	sent  Credit
}

// Init sets the credit that the stream begins with.
func (s *Sender) Init(limit Credit) { s.limit = limit }

// Grant raises the credit; less than there is changes nothing. It returns whether
// it was raised.
func (s *Sender) Grant(c Credit) bool {
	before := s.limit
	s.limit.Messages = max(s.limit.Messages, c.Messages)
	s.limit.Bytes = max(s.limit.Bytes, c.Bytes)
	return s.limit != before
}

// Ready reports whether a message may be sent.
func (s *Sender) Ready() bool { return s.limit.allows(s.sent) }

// Sent counts a message.
func (s *Sender) Sent(size int) { s.sent.add(size) }

// Messages returns how many messages were sent.
func (s *Sender) Messages() uint64 { return s.sent.Messages }
