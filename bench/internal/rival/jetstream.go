package rival

import (
	"context"
	"os"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

// JetStream is the name of NATS with a queue of work in memory.
const JetStream = "NATS JetStream"

func jetStreamRival() Rival {
	return Rival{
		Name: JetStream, OneConn: true, Sure: openJetStream,
		Note: "embedded server, memory store, work queue; published asynchronously; each message's acknowledgement is confirmed",
	}
}

// doubleAcks is how many confirmations of acknowledgements a receiver waits for at
// once.
const doubleAcks = 256

type jetStream struct {
	dir      string
	srv      *server.Server
	pub, sub *nats.Conn
	js       jetstream.JetStream
	consumer jetstream.Consumer
	blob     *benchv1.Blob
	done     chan struct{}
	once     sync.Once
}

func openJetStream(o Options) (_ Stream, err error) {
	s := &jetStream{blob: newBlob(o.Size, 0), done: make(chan struct{})}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "jetstream-"); err != nil {
		return nil, err
	}
	if s.srv, err = natsServer(func(o *server.Options) { o.JetStream, o.StoreDir = true, s.dir }); err != nil {
		return nil, err
	}
	if s.pub, err = nats.Connect(s.srv.ClientURL()); err != nil {
		return nil, err
	}
	if s.sub, err = nats.Connect(s.srv.ClientURL()); err != nil {
		return nil, err
	}
	if s.js, err = jetstream.New(s.pub); err != nil {
		return nil, err
	}
	return s, s.queue()
}

// queue makes the queue and its consumer.
func (s *jetStream) queue() error {
	ctx, cancel := context.WithTimeout(context.Background(), natsTimeout)
	defer cancel()
	config := jetstream.StreamConfig{Name: "work", Subjects: []string{topic}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.MemoryStorage}
	if _, err := s.js.CreateStream(ctx, config); err != nil {
		return err
	}
	mine, err := jetstream.New(s.sub)
	if err != nil {
		return err
	}
	s.consumer, err = mine.CreateConsumer(ctx, "work", jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
	return err
}

func (s *jetStream) Send(seq uint64) error {
	s.blob.Seq = seq
	body, err := proto.Marshal(s.blob)
	if err != nil {
		return err
	}
	_, err = s.js.PublishAsync(topic, body)
	return err
}

func (s *jetStream) Receive(_ int, got func(uint64)) error {
	var acks sync.WaitGroup
	turns := make(chan struct{}, doubleAcks)
	ctx, cancel := context.WithCancel(context.Background())
	consuming, err := s.consumer.Consume(func(m jetstream.Msg) {
		blob := new(benchv1.Blob)
		if proto.Unmarshal(m.Data(), blob) != nil {
			return
		}
		got(blob.GetSeq())
		turns <- struct{}{}
		acks.Go(func() {
			defer func() { <-turns }()
			_ = m.DoubleAck(ctx) // fails at the end of the round only
		})
	})
	if err != nil {
		cancel()
		return err
	}
	<-s.done
	consuming.Stop()
	cancel()
	<-consuming.Closed()
	acks.Wait()
	return nil
}

func (s *jetStream) Close() {
	s.once.Do(func() {
		close(s.done)
		for _, c := range []*nats.Conn{s.pub, s.sub} {
			if c != nil {
				c.Close()
			}
		}
		if s.srv != nil {
			s.srv.Shutdown()
			s.srv.WaitForShutdown()
		}
		os.RemoveAll(s.dir)
	})
}
