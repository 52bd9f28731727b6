package gozmqadmin_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/example/gen/stock/v1/stockv1gozmq"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqops"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

const anywhere = "tcp://127.0.0.1:*"

// open returns v, closed at the end of the test.
func open[T interface{ Close() error }](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.Close() })
		return v
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// admin serves g, and returns a client of it and the address.
func admin(t *testing.T, g *gozmqops.Group, opts ...gozmqadmin.Option) (adminv1gozmq.AdminClient, string) {
	t.Helper()
	srv := open[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind(anywhere)))
	must(t, gozmqadmin.Register(srv, g, opts...))
	must(t, srv.Listen())
	conn := open[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(srv.Addrs()[0])))
	return adminv1gozmq.NewAdminClient(conn), srv.Addrs()[0]
}

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if req.GetName() == "" {
		return nil, &gozmq.Error{Code: gozmq.CodeInvalidArgument, Message: "no name"}
	}
	return &greetv1.HelloReply{}, nil
}

type printer struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (printer) Render(context.Context, *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return &imagev1.RenderResult{}, nil
}

// program is a group with every kind of role, which have peers.
func program(t *testing.T) *gozmqops.Group {
	t.Helper()
	g := new(gozmqops.Group)
	srv := open[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind(anywhere)))
	must(t, greetv1gozmq.RegisterGreeterServer(srv, greeter{}))
	must(t, srv.Listen())
	conn := open[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(srv.Addrs()[0]), gozmq.WithRoutingID("me\xff")))
	pub := open[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(anywhere)))
	sub := open[*gozmq.Subscriber](t)(gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()[0])))
	vent := open[*gozmq.Ventilator](t)(gozmq.NewVentilator(gozmq.Bind(anywhere), gozmq.DeliveryAtLeastOnce, gozmq.WithLinger(0)))
	sink := open[*gozmq.Sink](t)(gozmq.NewSink(gozmq.Bind(anywhere), gozmq.DeliveryAtLeastOnce))
	worker := open[*gozmq.Worker](t)(imagev1gozmq.NewPrintsWorker(printer{}, gozmq.From(gozmq.Connect(vent.Addrs()[0])), gozmq.To(gozmq.Connect(sink.Addrs()[0]))))
	proxy := open[*gozmq.Proxy](t)(gozmq.NewProxy(gozmq.PatternPubSub, gozmq.Front(gozmq.Bind(anywhere)), gozmq.Back(gozmq.Bind(anywhere))))
	for _, r := range []struct {
		name string
		role any
	}{{"greeter", srv}, {"caller", conn}, {"weather", pub}, {"watcher", sub}, {"prints", vent}, {"renderer", worker}, {"album", sink}, {"broker", proxy}} {
		must(t, g.Add(r.name, r.role))
	}
	for range 3 { // however often, a service is described once
		weatherv1gozmq.NewFeedPublisher(pub)
		weatherv1gozmq.NewFeedSubscriber(sub)
		stockv1gozmq.NewChangesPublisher(pub)
		_, err := imagev1gozmq.NewPrintsVentilator(vent)
		must(t, err)
		_, err = imagev1gozmq.NewPrintsSink(sink)
		must(t, err)
	}
	go func() { _ = worker.Run(context.Background()) }() // until Close
	within := testkit.Within(t)
	must(t, conn.WaitForServers(within, 1))
	must(t, vent.WaitForWorkers(within, 1))
	testkit.Eventually(t, "a ready program", func() bool {
		s, peers := g.Snapshot(), 0
		for _, socket := range s.Sockets {
			peers += len(socket.Stats.Peers)
		}
		return s.Ready && peers == 8 // both ends of four connections
	})
	return g
}

// TestRoles lists and describes every kind of role.
func TestRoles(t *testing.T) {
	client, _ := admin(t, program(t))
	within := testkit.Within(t)
	list, err := client.ListRoles(within, &adminv1.ListRolesRequest{})
	must(t, err)
	var got []string
	for _, r := range list.GetRoles() {
		got = append(got, r.GetName()+r.GetSide()+" "+r.GetKind().String()[len("ROLE_KIND_"):])
		if !r.GetReady() || r.GetReason() != "" || r.GetSince().AsTime().After(time.Now()) || len(r.GetEndpoints()) != 1 || r.GetEndpoints()[0].GetMechanism() != "NULL" {
			t.Errorf("role %v", r)
		}
	}
	want := []string{
		"greeter SERVER", "caller CLIENT", "weather PUBLISHER", "watcher SUBSCRIBER", "prints VENTILATOR",
		"renderertasks WORKER", "rendererresults WORKER", "album SINK", "brokerfront PROXY", "brokerback PROXY",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the roles are %q", got)
	}
	if p := list.GetProgram(); p.GetPid() == 0 || p.GetName() == "" || p.GetGozmqVersion() != gozmq.Version || p.GetChangesAllowed() {
		t.Errorf("the program is %v", p)
	}
	health, err := client.GetHealth(within, &adminv1.GetHealthRequest{})
	if err != nil || !health.GetReady() || len(health.GetUnready()) > 0 {
		t.Errorf("health: %v, %v", health, err)
	}
}

func TestDescribe(t *testing.T) {
	client, _ := admin(t, program(t))
	resp, err := client.DescribeRoles(testkit.Within(t), &adminv1.DescribeRolesRequest{})
	must(t, err)
	methods := map[string]*adminv1.MethodDescription{}
	services := map[string][]string{}
	for _, r := range resp.GetRoles() {
		for _, s := range r.GetServices() {
			services[r.GetName()+r.GetSide()] = append(services[r.GetName()+r.GetSide()], s.GetName())
			for _, m := range s.GetMethods() {
				methods[r.GetName()+" "+m.GetProcedure()] = m
			}
		}
	}
	for role, want := range map[string][]string{
		"greeter": {"greet.v1.Greeter"}, "caller": nil, "weather": {"stock.v1.Changes", "weather.v1.Feed"}, "watcher": {"weather.v1.Feed"},
		"prints": {"image.v1.Prints"}, "renderertasks": {"image.v1.Prints"}, "album": {"image.v1.Prints"}, "brokerfront": nil,
	} {
		if !slices.Equal(services[role], want) {
			t.Errorf("%s has %q", role, services[role])
		}
	}
	if m := methods["weather weather.v1.Feed/Temperature"]; m.GetTopic().GetTemplate() != "weather/{station}/temperature" || m.GetInput() != "weather.v1.Reading" || m.GetOutput() != "" {
		t.Errorf("the topic is %v", m)
	}
	if m := methods["renderer image.v1.Prints/Render"]; m.GetTask().GetDelivery() != annotations.Delivery_DELIVERY_AT_LEAST_ONCE || m.GetTask().GetMaxAttempts() != 5 || m.GetTask().GetLease().GetSeconds() != 10 || m.GetOutput() != "image.v1.RenderResult" {
		t.Errorf("the task is %v", m)
	}
	var state bool
	for name, m := range methods {
		state = state || m.GetTopic().GetSnapshot() != "" && m.GetTopic().GetRetain() && m.GetTopic().GetSequenced()
		if m.GetInput() == "" {
			t.Errorf("%s: %v", name, m)
		}
	}
	if !state {
		t.Error("no topic has a state")
	}
	files, err := protodesc.NewFiles(resp.GetFiles())
	must(t, err)
	for _, name := range []string{"greet.v1.Greeter", "weather.v1.Feed", "image.v1.Prints", "stock.v1.Changes"} {
		if _, err := files.FindDescriptorByName(protoreflect.FullName(name)); err != nil {
			t.Error(err)
		}
	}
	short, err := client.DescribeRoles(testkit.Within(t), &adminv1.DescribeRolesRequest{Roles: []string{"album"}, NamesOnly: true})
	if err != nil || short.GetFiles() != nil || len(short.GetRoles()) != 1 {
		t.Errorf("names of one role: %v, %v", short, err)
	}
}

// TestStats counts a call that succeeds, one that fails, and a publication.
func TestStats(t *testing.T) {
	g := new(gozmqops.Group)
	srv := open[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind(anywhere)))
	must(t, greetv1gozmq.RegisterGreeterServer(srv, greeter{}))
	must(t, srv.Listen())
	pub := open[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(anywhere)))
	must(t, g.Add("greeter", srv))
	must(t, g.Add("weather", pub))
	conn := open[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(srv.Addrs()[0])))
	within := testkit.Within(t)
	greeting := greetv1gozmq.NewGreeterClient(conn)
	_, err := greeting.SayHello(within, &greetv1.HelloRequest{Name: "you"}, gozmq.WithTimeout(0))
	must(t, err)
	if _, err = greeting.SayHello(within, &greetv1.HelloRequest{}, gozmq.WithTimeout(0)); err == nil {
		t.Fatal("no name is no error")
	}
	must(t, weatherv1gozmq.NewFeedPublisher(pub).Temperature(within, &weatherv1.Reading{Station: "ams"}))

	testkit.Eventually(t, "the counts of both calls", func() bool { // which follow their replies
		s := srv.Stats()
		m := s.Methods
		return len(m) == 1 && m[0].Handled == 1 && len(m[0].Failed) == 1 && s.Traffic.MessagesIn == 2
	})
	client, _ := admin(t, g)
	resp, err := client.GetStats(within, &adminv1.GetStatsRequest{MaxPeers: 5})
	must(t, err)
	if len(resp.GetRoles()) != 2 {
		t.Fatalf("the roles are %v", resp)
	}
	server, publisher := resp.GetRoles()[0], resp.GetRoles()[1]
	want := &adminv1.MethodStats{Procedure: greetv1gozmq.GreeterSayHelloProcedure, Handled: 1, Failed: 1, FailedByCode: map[string]uint64{"invalid_argument": 1}}
	if len(server.GetMethods()) != 1 || !proto.Equal(server.GetMethods()[0], want) {
		t.Errorf("the methods are %v", server.GetMethods())
	}
	if server.GetCalls() == nil || server.GetTasks() != nil || server.GetPeerCount() != 1 || len(server.GetPeers()) != 1 || server.GetTraffic().GetMessagesIn() != 2 {
		t.Errorf("the server has %v", server)
	}
	want = &adminv1.MethodStats{Procedure: weatherv1gozmq.FeedTemperatureProcedure, TopicTemplate: "weather/{station}/temperature", Handled: 1}
	if len(publisher.GetMethods()) != 1 || !proto.Equal(publisher.GetMethods()[0], want) {
		t.Errorf("the topics are %v", publisher.GetMethods())
	}

	seen := 0
	for _, err := range client.WatchStats(within, &adminv1.WatchStatsRequest{Roles: []string{"greeter"}, Interval: durationpb.New(100 * time.Millisecond)}) {
		must(t, err)
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("%d messages have come", seen)
	}
}

// TestPeers goes through pages of one peer each.
func TestPeers(t *testing.T) {
	client, _ := admin(t, program(t))
	within := testkit.Within(t)
	all, err := client.ListPeers(within, &adminv1.ListPeersRequest{})
	must(t, err)
	req := &adminv1.ListPeersRequest{PageSize: 1}
	var paged []*adminv1.Peer
	for {
		page, err := client.ListPeers(within, req)
		must(t, err)
		paged = append(paged, page.GetPeers()...)
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	if len(all.GetPeers()) != 8 || len(paged) != 8 {
		t.Fatalf("%d peers, and %d in pages", len(all.GetPeers()), len(paged))
	}
	for i, p := range paged {
		if want := all.GetPeers()[i]; p.GetAddress() != want.GetAddress() || p.GetRole() != want.GetRole() || p.GetSide() != want.GetSide() {
			t.Errorf("peer %d is %v, want %v", i, p, want)
		}
	}
	if p := paged[0]; p.GetRole() != "greeter" || p.GetSocketType() != "DEALER" || string(p.GetRoutingId()) != "me\xff" || p.GetMechanism() != "NULL" || p.GetDialed() {
		t.Errorf("the caller is %v", p)
	}
}

// TestRefusals: what cannot be answered says why.
func TestRefusals(t *testing.T) {
	client, _ := admin(t, program(t))
	within := testkit.Within(t)
	stream := func(seq func(func(*adminv1.GetStatsResponse, error) bool)) (err error) {
		for _, err = range seq {
			break
		}
		return err
	}
	_, role := client.GetStats(within, &adminv1.GetStatsRequest{Roles: []string{"greeter", "nobody"}})
	_, token := client.ListPeers(within, &adminv1.ListPeersRequest{PageToken: "?"})
	_, gone := client.ListPeers(within, &adminv1.ListPeersRequest{Roles: []string{"greeter"}, PageToken: "eyJOYW1lIjoiZ29uZSJ9"})
	_, retry := client.RetryTasks(within, &adminv1.RetryTasksRequest{All: true})
	_, discard := client.DiscardTasks(within, &adminv1.DiscardTasksRequest{All: true})
	_, cancel := client.CancelTasks(within, &adminv1.CancelTasksRequest{All: true})
	_, pause := client.PauseTasks(within, &adminv1.PauseTasksRequest{})
	_, resume := client.ResumeTasks(within, &adminv1.ResumeTasksRequest{})
	for what, tt := range map[string]struct {
		err  error
		want gozmq.Code
	}{
		"an unknown role":     {role, gozmq.CodeNotFound},
		"no page token":       {token, gozmq.CodeInvalidArgument},
		"a page of a role":    {gone, gozmq.CodeInvalidArgument},
		"too short":           {stream(client.WatchStats(within, &adminv1.WatchStatsRequest{Interval: durationpb.New(time.Millisecond)})), gozmq.CodeInvalidArgument},
		"retry, read-only":    {retry, gozmq.CodePermissionDenied},
		"discard, read-only":  {discard, gozmq.CodePermissionDenied},
		"cancel, read-only":   {cancel, gozmq.CodePermissionDenied},
		"pause, read-only":    {pause, gozmq.CodePermissionDenied},
		"continue, read-only": {resume, gozmq.CodePermissionDenied},
	} {
		if gozmq.CodeOf(tt.err) != tt.want {
			t.Errorf("%s: %v, want %v", what, tt.err, tt.want)
		}
	}
}

// TestEvents sees peers come and go at a role that was there and at one that is
// added later, and nothing of the others.
func TestEvents(t *testing.T) {
	g := new(gozmqops.Group)
	pub := open[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(anywhere)))
	later := open[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(anywhere)))
	quiet := open[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(anywhere)))
	must(t, g.Add("early", pub))
	must(t, g.Add("quiet", quiet))
	client, _ := admin(t, g)
	var got testkit.Recorder[*adminv1.Event]
	ctx, cancel := context.WithCancel(testkit.Within(t))
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var last error
		for resp, err := range client.WatchEvents(ctx, &adminv1.WatchEventsRequest{Roles: []string{"early", "late"}}) {
			switch last = err; {
			case err != nil:
			case resp.GetEvent() == nil:
				close(begun)
			default:
				got.Record(resp.GetEvent())
			}
		}
		ended <- last
	}()
	testkit.Receive(t, begun, "the begin")
	must(t, g.Add("late", later))
	for _, to := range []*gozmq.Publisher{pub, later, quiet} {
		sub, err := gozmq.NewSubscriber(gozmq.Connect(to.Addrs()[0]))
		must(t, err)
		must(t, sub.Ready(ctx))
		must(t, sub.Close())
	}
	for _, role := range []string{"early", "late"} {
		for _, kind := range []string{"connected", "disconnected"} {
			got.Wait(t, 0, 1, role+" "+kind, func(e *adminv1.Event) bool {
				return e.GetRole() == role && e.GetKind() == kind && e.GetPeer() != "" && e.GetText() != "" && e.GetSocketType() == "PUB"
			})
		}
	}
	for _, e := range got.All() {
		if e.GetRole() == "quiet" || e.GetLevel() < adminv1.EventLevel_EVENT_LEVEL_INFO {
			t.Errorf("an event that nobody has asked for: %v", e)
		}
	}
	cancel()
	if err := testkit.Receive(t, ended, "the end"); err != nil && !errors.Is(err, context.Canceled) && gozmq.CodeOf(err) != gozmq.CodeCanceled {
		t.Errorf("the stream ends with %v", err)
	}
}

// TestCurve: the service is as open as its server. A peer shows the name and key
// that it has proved.
func TestCurve(t *testing.T) {
	server, operator, stranger := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	g := new(gozmqops.Group)
	allow := func(_ context.Context, r *gozmq.AuthRequest) (*gozmq.AuthIdentity, error) {
		if r.PublicKey != operator.Public() {
			return nil, errors.New("not an operator")
		}
		return &gozmq.AuthIdentity{Name: "op"}, nil
	}
	srv := open[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind(anywhere), gozmq.WithSecurity(gozmqcurve.Server(server, allow))))
	must(t, gozmqadmin.Register(srv, g))
	must(t, g.Add("admin", srv))
	must(t, srv.Listen())
	ask := func(s ...gozmq.DialOption) (*adminv1.ListPeersResponse, error) {
		conn := open[*gozmq.Conn](t)(gozmq.Dial(append(s, gozmq.Connect(srv.Addrs()[0]), gozmq.WithReadyTimeout(300*time.Millisecond))...))
		return adminv1gozmq.NewAdminClient(conn).ListPeers(testkit.Within(t), &adminv1.ListPeersRequest{})
	}
	for what, option := range map[string][]gozmq.DialOption{"a stranger": {gozmq.WithSecurity(gozmqcurve.Client(stranger, server.Public()))}, "no key": nil} {
		if _, err := ask(option...); gozmq.CodeOf(err) != gozmq.CodeUnavailable && gozmq.CodeOf(err) != gozmq.CodeUnauthenticated {
			t.Errorf("%s: %v", what, err)
		}
	}
	conn := open[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(srv.Addrs()[0]), gozmq.WithSecurity(gozmqcurve.Client(operator, server.Public()))))
	resp, err := adminv1gozmq.NewAdminClient(conn).ListPeers(testkit.Within(t), &adminv1.ListPeersRequest{})
	must(t, err)
	if p := resp.GetPeers(); len(p) != 1 || p[0].GetMechanism() != "CURVE" || p[0].GetUserId() != "op" || p[0].GetPublicKey() != operator.Public().String() {
		t.Errorf("the peers are %v", p)
	}
}
