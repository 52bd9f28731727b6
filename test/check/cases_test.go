package check_test

// A breakingCase is what the base becomes, and what that breaks.
type breakingCase struct {
	name  string
	edits []edit
	want  []string
	words []string // in each message
}

const changed = `"orders/{customer}/{kind}/{nr}"`

var breakingCases = []breakingCase{
	{name: "nothing"},

	// What changes nothing on the wire.
	{name: "fields renamed", edits: []edit{
		{changed, `"orders/{buyer}/{sort}/{nr}"`}, {"string customer = 1", "string buyer = 1"}, {"Kind kind = 2", "Kind sort = 2"}}},
	{name: "field on a path renamed", edits: []edit{{"{place.hall}", "{spot.room}"}, {"Place place = 1", "Place spot = 1"}, {"string hall = 1", "string room = 1"}}},
	{name: "integer widened", edits: []edit{{"int64 nr = 3", "uint32 nr = 3"}}},
	{name: "enum value added", edits: []edit{{"KIND_FAST = 1;", "KIND_FAST = 1;\n  KIND_SLOW = 2;"}}},
	{name: "method added", edits: []edit{{"rpc State", "rpc More(Order) returns (Order);\n  rpc State"}}},
	{name: "default written out", edits: []edit{{"service Desk {", "service Desk {\n  option (gozmq.v1.service) = {pattern: PATTERN_REQ_REP, framing: FRAMING_NAMED};"}}},
	{name: "topic of a method without one written out", edits: []edit{
		{"rpc Named(Order) returns (google.protobuf.Empty);", "rpc Other(Order) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic.template = \"base.v1.Feed/Named\"; }"}}},
	{name: "method with a template renamed", edits: []edit{{"rpc Price", "rpc Prices"}}},
	{name: "topic moved to another service", edits: []edit{
		{"  rpc Price(Order) returns (google.protobuf.Empty) {\n    option (gozmq.v1.method).topic = {\n      template: \"prices/{nr}\"\n      latest_only: true\n    };\n  }\n", ""},
		{"service Packing {", "service Rates {\n  option (gozmq.v1.service).pattern = PATTERN_PUB_SUB;\n  rpc Rate(Order) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic = {template: \"prices/{nr}\", latest_only: true}; }\n}\nservice Packing {"}}},
	{name: "bare service renamed", edits: []edit{{"service Raw", "service Plain"}, {"rpc Ask", "rpc Tell"}}},
	{name: "timeout lengthened, attempts and leases increased", edits: []edit{{"seconds: 5}", "seconds: 50}"}, {"max_attempts: 5", "max_attempts: 50"}, {"seconds: 90", "seconds: 900"}}},
	{name: "retain and sequenced added", edits: []edit{{`template: "prices/{nr}"`, `template: "prices/{nr}" retain: true`}}},

	// Services.
	{name: "pattern", edits: []edit{{"(gozmq.v1.service).pattern = PATTERN_PUB_SUB", "(gozmq.v1.service).pattern = PATTERN_PUSH_PULL"}},
		want: []string{"SERVICE_SAME_PATTERN base.v1.Feed"}, words: []string{"was PUB/SUB and is PUSH/PULL", "old subscribers get nothing from new publishers", "add another service"}},
	{name: "pattern removed", edits: []edit{{"  option (gozmq.v1.service).pattern = PATTERN_PUB_SUB;\n", ""}}, want: []string{"SERVICE_SAME_PATTERN base.v1.Feed"}},
	{name: "framing", edits: []edit{{"  option (gozmq.v1.service).framing = FRAMING_BARE;\n", ""}},
		want: []string{"SERVICE_SAME_FRAMING base.v1.Raw"}, words: []string{"FRAMING_BARE and is FRAMING_NAMED", "old clients get no reply"}},
	{name: "delivery weakened", edits: []edit{{"    pattern: PATTERN_PUSH_PULL\n    delivery: DELIVERY_AT_LEAST_ONCE\n", "    pattern: PATTERN_PUSH_PULL\n"}},
		want: []string{"TASK_SAME_DELIVERY base.v1.Packing"}, words: []string{"old workers and sinks", "add another service"}},
	{name: "delivery of a message weakened", edits: []edit{{"    delivery: DELIVERY_AT_LEAST_ONCE\n    max_attempts: 7\n", ""}},
		want: []string{"TASK_SAME_DELIVERY base.v1.Job"}, words: []string{"add another message"}},
	{name: "delivery of a message strengthened", edits: []edit{{"(gozmq.v1.message).task = {};", "(gozmq.v1.message).task = {delivery: DELIVERY_AT_LEAST_ONCE};"}},
		want: []string{"TASK_SAME_DELIVERY base.v1.Note"}, words: []string{"get a task twice"}},
	{name: "service renamed", edits: []edit{{"service Packing", "service Wrapping"}}, want: []string{"TASK_NO_DELETE base.v1.Packing"}, words: []string{"with Pack, Ship"}},
	{name: "PUB/SUB service renamed", edits: []edit{{"service Feed", "service News"}}, want: []string{"TOPIC_NO_DELETE base.v1.Feed.Named"}, words: []string{`"base.v1.Feed/Named"`, "as its template"}},

	// Calls.
	{name: "method renamed", edits: []edit{{"rpc Put", "rpc Store"}}, want: []string{"METHOD_NO_DELETE base.v1.Desk.Put"}, words: []string{"UNIMPLEMENTED"}},
	{name: "unary to stream", edits: []edit{{"rpc Put(Order)", "rpc Put(stream Order)"}},
		want: []string{"METHOD_SAME_STREAMING base.v1.Desk.Put"}, words: []string{"was unary and is a stream of the client"}},
	{name: "stream to unary", edits: []edit{{"(stream Order)", "(Order)"}}, want: []string{"METHOD_SAME_STREAMING base.v1.Desk.Watch"}},
	{name: "idempotency with retries", edits: []edit{{"    option idempotency_level = NO_SIDE_EFFECTS;\n", ""}, {"      retry: {max_attempts: 3}\n", ""}},
		want: []string{"METHOD_KEEPS_IDEMPOTENCY base.v1.Desk.Get"}, words: []string{"when they fail"}},
	{name: "idempotency", edits: []edit{{"    option idempotency_level = IDEMPOTENT;\n", ""}}, want: []string{"METHOD_KEEPS_IDEMPOTENCY base.v1.Desk.Put"}, words: []string{"when a server goes away"}},
	{name: "timeout", edits: []edit{{"seconds: 5}", "seconds: 4}"}}, want: []string{"METHOD_TIMEOUT_NOT_SHORTER base.v1.Desk.Get"}, words: []string{"was 5s and is 4s"}},
	{name: "timeout where none was", edits: []edit{{"option idempotency_level = IDEMPOTENT;", "option idempotency_level = IDEMPOTENT; option (gozmq.v1.method).timeout = {seconds: 9};"}},
		want: []string{"METHOD_TIMEOUT_NOT_SHORTER base.v1.Desk.Put"}, words: []string{"without limit"}},

	// Topics.
	{name: "placeholders in another order", edits: []edit{{changed, `"orders/{kind}/{customer}/{nr}"`}},
		want: []string{"TOPIC_SAME_TEMPLATE base.v1.Feed.Changed"}, words: []string{"{kind}/{customer}", "nobody gets an error", "another method beside"}},
	{name: "text", edits: []edit{{changed, `"order/{customer}/{kind}/{nr}"`}}, want: []string{"TOPIC_SAME_TEMPLATE base.v1.Feed.Changed"}},
	{name: "numbers swapped", edits: []edit{{"string customer = 1", "string customer = 4"}},
		want: []string{"TOPIC_SAME_TEMPLATE base.v1.Feed.Changed"}, words: []string{"was field 1 and is field 4"}},
	{name: "type", edits: []edit{{"string customer = 1", "bool customer = 1"}},
		want: []string{"TOPIC_SAME_TEMPLATE base.v1.Feed.Changed"}, words: []string{"was a string and is a bool"}},
	{name: "enum value renamed", edits: []edit{{"KIND_FAST = 1", "KIND_QUICK = 1"}},
		want: []string{"TOPIC_SAME_TEMPLATE base.v1.Feed.Changed"}, words: []string{`value 1 of its enum was "KIND_FAST" and is "KIND_QUICK"`}},
	{name: "topic of a message", edits: []edit{{"{place.hall}", "{place.gate}"}}, want: []string{"TOPIC_SAME_TEMPLATE base.v1.Alarm"}},
	{name: "topic of a message removed", edits: []edit{{"  option (gozmq.v1.message).topic.template = \"alarms/{place.hall}\";\n", ""}}, want: []string{"TOPIC_NO_DELETE base.v1.Alarm"}},
	{name: "method without a template renamed", edits: []edit{{"rpc Named", "rpc Renamed"}}, want: []string{"TOPIC_NO_DELETE base.v1.Feed.Named"}},
	{name: "retain", edits: []edit{{"      retain: true\n", ""}, {"      snapshot: \"base.v1.Desk/State\"\n", ""}},
		want: []string{"TOPIC_KEEPS_RETAIN base.v1.Feed.Changed", "TOPIC_KEEPS_SNAPSHOT base.v1.Feed.Changed"}, words: []string{"old subscriber"}},
	{name: "sequenced", edits: []edit{{"      sequenced: true\n", ""}, {"      snapshot: \"base.v1.Desk/State\"\n", ""}},
		want: []string{"TOPIC_KEEPS_SEQUENCED base.v1.Feed.Changed", "TOPIC_KEEPS_SNAPSHOT base.v1.Feed.Changed"}},
	{name: "snapshot", edits: []edit{{"base.v1.Desk/State", "base.v1.Desk/Get"}}, want: []string{"TOPIC_KEEPS_SNAPSHOT base.v1.Feed.Changed"}, words: []string{"was base.v1.Desk/State and is base.v1.Desk/Get"}},
	{name: "latest_only removed", edits: []edit{{"      latest_only: true\n", ""}}, want: []string{"TOPIC_SAME_LATEST_ONLY base.v1.Feed.Price"}},
	{name: "latest_only added", edits: []edit{{"alarms/{place.hall}\"", "alarms/{place.hall}\"; option (gozmq.v1.message).topic.latest_only = true"}}, want: []string{"TOPIC_SAME_LATEST_ONLY base.v1.Alarm"}},
	{name: "renamed, and worse", edits: []edit{{"rpc Price", "rpc Prices"}, {"      latest_only: true\n", ""}}, want: []string{"TOPIC_SAME_LATEST_ONLY base.v1.Feed.Prices"}},

	// Tasks.
	{name: "task renamed", edits: []edit{{"rpc Pack", "rpc Wrap"}}, want: []string{"TASK_NO_DELETE base.v1.Packing.Pack"}, words: []string{"new workers cannot run"}},
	{name: "result removed", edits: []edit{{"rpc Pack(Order) returns (Parcel)", "rpc Pack(Order) returns (google.protobuf.Empty)"}}, want: []string{"TASK_SAME_RESULT base.v1.Packing.Pack"}},
	{name: "result added", edits: []edit{{"rpc Ship(Parcel) returns (google.protobuf.Empty)", "rpc Ship(Parcel) returns (Parcel)"}}, want: []string{"TASK_SAME_RESULT base.v1.Packing.Ship"}},
	{name: "lease", edits: []edit{{"seconds: 90", "seconds: 80"}}, want: []string{"TASK_LEASE_NOT_SHORTER base.v1.Packing.Pack"}, words: []string{"1m30s and is 1m20s"}},
	{name: "lease left out", edits: []edit{{"      lease: {seconds: 90}\n", ""}}, want: []string{"TASK_LEASE_NOT_SHORTER base.v1.Packing.Pack"}, words: []string{"is 1m0s"}},
	{name: "attempts", edits: []edit{{"max_attempts: 7", "max_attempts: 6"}}, want: []string{"TASK_ATTEMPTS_NOT_FEWER base.v1.Job"}},
	{name: "attempts where none were said", edits: []edit{{"rpc Ship(Parcel) returns (google.protobuf.Empty);", "rpc Ship(Parcel) returns (google.protobuf.Empty) { option (gozmq.v1.method).task.max_attempts = 19; }"}},
		want: []string{"TASK_ATTEMPTS_NOT_FEWER base.v1.Packing.Ship"}, words: []string{"was 20 and is 19"}},
	{name: "task of a message removed", edits: []edit{{"  option (gozmq.v1.message).task = {};\n", ""}}, want: []string{"TASK_NO_DELETE base.v1.Note"}},
	{name: "message with a task renamed", edits: []edit{{"message Job", "message Work"}}, want: []string{"TASK_NO_DELETE base.v1.Job"}},
}
