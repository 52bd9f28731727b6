package gozmq

// An Operation says what an interceptor wraps (CallInfo).
type Operation uint8

const (
	OperationCall    Operation = iota + 1 // a call, or a stream, of a client
	OperationServe                        // the same, on the server
	OperationPublish                      // of a message, by a Publisher
	OperationReceive                      // the handling of a publication by a subscriber
	OperationPush                         // of a task, by a Ventilator
	OperationRun                          // of a task, by a Worker
	OperationResult                       // the handling of a result, or of a task at a puller, by a Sink
)

// String returns the operation in lower case.
func (o Operation) String() string {
	names := [...]string{"none", "call", "serve", "publish", "receive", "push", "run", "result"}
	if int(o) < len(names) {
		return names[o]
	}
	return "operation"
}
