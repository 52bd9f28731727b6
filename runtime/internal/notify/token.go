package notify

// A Token wakes one goroutine. Set calls that come before the goroutine looks
// count as one, and none is lost. The channel is a Token's receiving end; it may
// be used by several goroutines at once. The zero value is not usable.
type Token chan struct{}

// NewToken returns a token that is not set.
func NewToken() Token { return make(Token, 1) }

// Set wakes the goroutine that receives from t, or the next one that does. It
// never blocks.
func (t Token) Set() {
	select {
	case t <- struct{}{}:
	default:
	}
}
