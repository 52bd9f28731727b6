package conformance

func securityProperties() []property {
	return []property{
		{section: "5", name: "security_null", like: "1.1 libzmq shakes hands",
			text: "Without any option both ends speak NULL."},
		{section: "5", name: "security_plain", on: all, test: plainLetsIn,
			text: "PLAIN lets in who knows the password, whichever end is libzmq's."},
		{section: "5", name: "security_plain refuses", on: all, test: plainRefuses,
			text: "A wrong password or user is answered with ERROR and reported by both ends; our end tries again after its longest pause."},
		{section: "5", name: "security_plain malformed", on: raw, test: plainMalformed,
			text: "A HELLO or INITIATE that is cut short, too long or missing closes the connection."},
		{section: "5", name: "security_curve", on: all, test: curveLetsIn,
			text: "CURVE lets in who proves its key, whichever end is libzmq's; messages of any size pass."},
		{section: "5", name: "security_curve encrypts", on: raw, test: curveEncrypts,
			text: "What passes on the wire shows nothing of what was sent."},
		{section: "5", name: "security_curve wrong server key", on: all, test: curveWrongServer,
			text: "A client that has another key of the server is not served, and both ends say so."},
		{section: "5", name: "security_curve unknown client", on: all, test: curveUnknownClient,
			text: "A client whose key is not on the list is refused, with a reason."},
		{section: "5", name: "security_curve malformed", on: raw, test: curveMalformed,
			text: "A HELLO of any other length or content, and any other command, closes the connection."},
		{section: "5", name: "security is never downgraded", on: all, test: noDowngrade,
			text: "A CURVE or PLAIN server refuses peers of every other mechanism, NULL first of all."},
		{section: "5", name: "security_zap denies by default", on: all, test: denyByDefault,
			text: "A server without an authenticator lets no one in (libzmq, without a ZAP handler, everyone)."},
		{section: "5", name: "security_zap request", on: all, test: authRequest,
			text: "The authenticator is told mechanism, domain, address and credentials; what it returns reaches the handler."},
		{section: "5", name: "security_zap handler", on: all, test: zapHandler,
			text: "A ZAP handler, a REP anywhere, decides on peers; its user id is the identity."},
		{section: "5", name: "base85", on: onTCP | libzmq, test: z85,
			text: "Keys in Z85 (RFC 32) are those of libzmq; text of another length or alphabet is refused."},
	}
}
