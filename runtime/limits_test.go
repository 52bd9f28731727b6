package runtime_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limitsFile has the table of all limits.
const limitsFile = "../docs/SECURITY.md"

// sources says, for each row of the table, which names of the code its defaults
// come from, in their order: the file and the constant, or the key in a composite
// literal. A row without names has no number that is a constant.
var sources = map[string][]string{
	"accepted connections": {"gozmq/option.go MaxPeers"},
	"accepted connections from one address (IPv6: from 64 bits)": {"gozmq/option.go MaxPeersPerAddress"},
	"handshakes in progress":                                     {"gozmq/option.go MaxHandshakes"},
	"bytes of one handshake":                                     {"internal/handshake/config.go maxHandshake", "internal/handshake/config.go maxCommand"},
	"time of one attempt to dial, and of a handshake":            {"gozmq/option.go HandshakeTimeout"},
	"body of a message":                                          {"gozmq/option.go defaultMaxMessageSize"},
	"frames beside the body":                                     {"internal/link/config.go envelopeRoom", "internal/relay/reqrep.go maxEnvelope"},
	"frames of a message":                                        {"internal/link/config.go maxFrames", "internal/relay/reqrep.go MaxFrames"},
	"bytes of messages being read, all peers":                    {"internal/link/config.go maxIncoming"},
	"send queue of each peer":                                    {"gozmq/option.go SendQueue", "gozmq/option.go SendQueueBytes"},
	"replies that wait for one client of a `Proxy`":              {"internal/socket/proxy_router.go replyRoom"},
	"receive queue of a subscription, and of a sink":             {"gozmq/subscriber.go messages", "gozmq/subscriber.go bytes"},
	"subscriptions of one peer":                                  {"gozmq/publisher.go maxSubscriptions"},
	"one prefix":                                                 {"internal/socket/pub_peer.go maxPrefix"},
	"prefixes of one peer":                                       {"internal/socket/pub_peer.go maxPrefixBytes"},
	"prefixes of all peers":                                      {"internal/socket/pub_share.go maxShared"},
	"topic of a publication":                                     {"internal/publication/message.go MaxTopic"},
	"prefix that a subscriber of ours sends":                     {"internal/topic/pattern.go MaxSubscription"},
	"topics that a publisher retains":                            {"gozmq/topic.go topics", "gozmq/topic.go bytes"},
	"calls and streams that run in a server":                     {"gozmq/server_option.go concurrency"},
	"streams of one connection":                                  {},
	"streams of one connection to a `Proxy`":                     {"internal/relay/streams.go maxStreams"},
	"window of a stream at its start":                            {"internal/wire/stream.go FirstMessages", "internal/wire/stream.go FirstBytes"},
	"largest window of a stream":                                 {"internal/stream/window.go Messages", "internal/stream/window.go Bytes"},
	"growth of all windows":                                      {"internal/socket/dealer_stream.go windowBudget"},
	"envelope of a stream":                                       {"internal/answer/receiver.go maxStreamEnvelope", "internal/relay/streams.go maxStreamEnvelope"},
	"metadata of a message":                                      {"internal/wire/metadata.go MaxMetadata", "internal/wire/metadata.go MaxMetadataKey"},
	"text of a status":                                           {"internal/wire/status.go maxStatusMessage"},
	"tasks in a ventilator's queue":                              {"gozmq/ventilator.go MaxTasks", "gozmq/ventilator.go MaxBytes"},
	"tasks that a worker has ahead":                              {"internal/pipeline/consumer_ahead.go maxAhead", "internal/pipeline/consumer_ahead.go maxAheadBytes"},
	"results that wait for their acknowledgement":                {"internal/pipeline/resultsender.go maxUnacked", "internal/pipeline/resultsender.go maxUnackedBytes"},
	"tasks that a sink remembers to find duplicates":             {"gozmq/sink.go window"},
	"attempts and lease of a task":                               {"gozmq/delivery.go defaultMaxAttempts", "gozmq/delivery.go defaultLease"},
	"unique keys of tasks in a ventilator":                       {"internal/pipeline/dispatcher_terms.go MaxUniqueKeys", "gozmq/push_options.go maxTaskKey"},
	"dead letters that no function wants":                        {"internal/pipeline/dispatcher_letters.go MaxKeptLetters", "internal/pipeline/dispatcher_letters.go MaxKeptLetterBytes"},
	"claims that a ventilator remembers while it stands by":      {"internal/pipeline/dispatcher_claims.go maxClaims"},
	"refused tasks that a ventilator deletes from its store":     {"internal/pipeline/storewriter.go maxRefused"},
	"text of a task's progress (`ReportProgress`)":               {"internal/wire/progress.go MaxProgressText"},
	"tasks that a ventilator keeps after they were done (`PushOptions.Retain`), with their results": {"internal/pipeline/retained.go MaxRetained", "internal/pipeline/retained.go MaxRetainedBytes"},
	"the result of a task that a ventilator keeps":                                                  {"internal/wire/task_header.go MaxKeptResult"},
	"results that a worker remembers for ends that it sends again":                                  {"internal/pipeline/consumer_ledger.go consumerMemory", "internal/pipeline/consumer_results.go maxDoneResultBytes"},
	"canceled tasks that a ventilator remembers, for workers that had lost their connection":        {"internal/pipeline/dispatcher_cancel.go maxCanceled"},
	"events that wait for a handler":                                                                {"internal/events/queue.go Limit"},
}

// TestLimitsInDocumentation holds the table of all limits to the code: each default
// has the numbers of the code, in their order, and each option exists.
func TestLimitsInDocumentation(t *testing.T) {
	rows, options := limitRows(t), optionNames(t)
	if len(rows) != len(sources) {
		t.Errorf("%s has %d limits, the test knows %d", limitsFile, len(rows), len(sources))
	}
	for _, row := range rows {
		from, ok := sources[row[0]]
		if !ok {
			t.Errorf("%q: the test knows no source", row[0])
		}
		rest := row[1]
		for _, source := range from {
			values := valuesOf(t, source)
			if rest, ok = behind(rest, values); !ok {
				t.Errorf("%q: the table has %q, the code %q in %s", row[0], row[1], values, source)
			}
		}
		for _, option := range regexp.MustCompile(`\bWith[A-Z]\w+`).FindAllString(strings.Join(row, " "), -1) {
			if !slices.Contains(options, option) {
				t.Errorf("%q: there is no option %s", row[0], option)
			}
		}
	}
}

// behind returns the text behind the first of the numbers that it has, and that is
// not a part of another number.
func behind(text string, numbers []string) (rest string, ok bool) {
	for _, n := range numbers {
		number := regexp.MustCompile(`(?:^|[^0-9,])` + regexp.QuoteMeta(n) + `(?:$|[^0-9])`)
		if at := number.FindStringIndex(text); at != nil {
			return text[at[1]:], true
		}
	}
	return text, false
}

// limitRows returns the cells of the table's rows.
func limitRows(t *testing.T) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(limitsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## All limits\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if strings.HasPrefix(line, "| ") && len(cells) == 4 && cells[0] != "limit" {
			rows = append(rows, cells)
		}
	}
	return rows
}

// optionNames returns the functions of the face whose names begin with With.
func optionNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir("gozmq")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		for _, decl := range parseLimits(t, "gozmq/"+f.Name()).Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "With") {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

func parseLimits(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// valuesOf returns the ways to write the number that a source has.
func valuesOf(t *testing.T, source string) []string {
	t.Helper()
	found := findValue(t, source)
	text := types.ExprString(found)
	for name, unit := range map[string]time.Duration{"time.Minute": time.Minute, "time.Second": time.Second} {
		text = strings.ReplaceAll(text, name, strconv.FormatInt(int64(unit), 10))
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text)
	if err != nil || v.Value == nil {
		t.Fatalf("%s: %s is no number: %v", source, text, err)
	}
	n, _ := constant.Int64Val(v.Value)
	if strings.Contains(types.ExprString(found), "time.") {
		return []string{shortDuration(time.Duration(n))}
	}
	return []string{grouped(n), inUnits(n)}
}

// findValue returns the first value with a source's name. Of a composite literal
// that is its first element.
func findValue(t *testing.T, source string) (found ast.Expr) {
	t.Helper()
	file, name, _ := strings.Cut(source, " ")
	ast.Inspect(parseLimits(t, file), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if len(n.Values) == 1 && n.Names[0].Name == name && found == nil {
				found = n.Values[0]
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == name && found == nil {
				found = n.Value
			}
		}
		return true
	})
	if list, ok := found.(*ast.CompositeLit); ok {
		found = list.Elts[0]
	}
	if found == nil {
		t.Fatalf("%s: not found", source)
	}
	return found
}

func shortDuration(d time.Duration) string {
	if d >= time.Minute {
		return fmt.Sprintf("%d m", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// grouped writes thousands with commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// inUnits writes a number of bytes in the largest unit that fits.
func inUnits(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
