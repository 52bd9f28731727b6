// Package gozmq runs the code that protoc-gen-gozmq generates: typed calls,
// topics and pipelines over ZeroMQ, without a broker.
//
// # Map
//
// Each pattern has its roles; generated code gives them typed methods.
//
//   - REQ/REP: [Dial] returns a [Conn] for generated clients, and [NewServer] a
//     [Server] for generated Register functions.
//   - PUB/SUB: [NewPublisher] and [NewSubscriber].
//   - PUSH/PULL: [NewVentilator], [NewSink], and a [Worker], which generated
//     NewXWorker functions return.
//
// A [Proxy] stands between the ends of any of them. Any role may [Bind] or
// [Connect], to several endpoints at once, over tcp, ipc and inproc. Every value
// that a constructor returns must be closed, or served or run to its end; closing
// waits, up to [WithLinger], until the messages that were sent have left. All
// values may be used by several goroutines at once.
//
// An [*Error] has a [Code]; [CodeOf] returns the code of any error.
// [WithEventHandler] reports each [Event] of the connections, [LogEvents]
// writes events to a log, and each role's Stats method returns counters. The
// environment variable GOZMQ_LOG=info, or =debug, has every socket log to standard
// error.
//
// Without [WithSecurity] everyone who reaches an endpoint is admitted, and
// nothing is encrypted. Use package gozmqcurve on networks that you do not
// trust.
//
// # Options
//
// Each constructor takes the options marked in its column, and those of
// [SocketOption], which all of them take: WithAdmission, WithConnectTimeout,
// WithEventHandler, WithHeartbeat, WithKernelBuffers, WithLinger,
// WithMaxHandshakes, WithMaxMessageSize, WithMaxPeers, WithMaxPeersPerAddress,
// WithReconnectBackoff, WithResolver, WithRoutingID, WithSecurity, WithSendQueue,
// WithStopWhenRefused.
//
//	                        Dial Server Publisher Subscriber Ventilator Worker Sink Proxy
//	Endpoints                x     x        x         x          x              x
//	From, To                                                              x
//	Front, Back                                                                       x
//	WithCaptureHandler                                                                x
//	WithCodec                x     x        x         x          x        x     x
//	WithInterceptors         x     x        x         x          x        x     x
//	WithReadyTimeout         x
//	WithConcurrency                x                                      x
//	WithDrainTimeout               x                                      x
//	WithMaxWaiting                 x
//	WithPanicHandler               x
//	WithIdleTimeout                x
//	WithMaxStreamAge               x
//	WithMaxSubscriptions                    x                                         x
//	WithSubscriptionRule                    x                                         x
//	WithTopicMemory                         x         x
//	WithReceiveQueue                                  x                         x
//	WithOverflow                                      x
//	WithIdleError                                     x
//	WithLagReport                                     x
//	WithLagLimit                                      x
//	WithTaskQueue                                                x
//	WithTaskStore                                                x
//	WithTaskLimit                                                x
//	WithRetryBackoff                                             x
//	WithMaxTaskTime                                              x
//	WithDeadLetterHandler                                        x
//	WithPrefetch                                                          x
//	WithTaskTimeout                                                       x
//	WithRemoteStop                                                        x
//	WithTaskErrorHandler                                                  x
//	WithDuplicateWindow                                                         x
//	WithBatchHandler                                                            x
//
// [Bind], [BindListener] and [Connect] make Endpoints. NewVentilator and NewSink
// also take a [Delivery].
//
// A call takes a [CallOption]: [WithTimeout], [WithWaitForReady],
// [WithHedging], [WithReplyMetadata], and for streams [WithIdleTimeout] and
// [WithMessageTimeout]. A subscription takes WithReceiveQueue, WithOverflow and
// WithIdleError; a handler of topics takes these, WithSubscribedHandler and
// WithTopicErrorHandler.
//
// # More
//
// On the wire it is plain ZMTP 3.1. In this module's repository, docs/PROTOCOL.md
// specifies the frames, so that programs without this package can be peers;
// docs/ERRORS.md lists the code of each failure, docs/SECURITY.md the properties of
// the security mechanisms, docs/TOPICS.md the guarantees of topics.
//
// Beside this package, gozmqcurve has CURVE and its keys, gozmqzap asks a ZAP
// handler, gozmqtest helps with tests, gozmqhealth and gozmqdescribe are services
// for a server, gozmqops and gozmqhttp watch and stop the sockets of a program, and
// gozmqproto encodes messages outside of a socket.
package gozmq
