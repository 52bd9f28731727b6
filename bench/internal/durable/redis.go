package durable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A redisServer is a redis-server on a free port, with its data in a folder.
type redisServer struct {
	cmd    *exec.Cmd
	addr   string
	exited chan struct{}
	log    bytes.Buffer // for others after exited only
}

// A lazyRedis is a server that is started when it is needed.
type lazyRedis struct{ server *redisServer }

func (l *lazyRedis) get(dir string, synced bool) (*redisServer, error) {
	if l.server != nil {
		return l.server, nil
	}
	var err error
	l.server, err = startRedis(dir, synced)
	return l.server, err
}

func (l *lazyRedis) close() {
	if l.server != nil {
		l.server.close()
	}
}

// startRedis starts a server that syncs every write, or keeps all in memory.
func startRedis(dir string, synced bool) (*redisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server %w; .ci/run debian installs it", ErrMissing)
	}
	data, err := os.MkdirTemp(dir, "redis-")
	if err != nil {
		return nil, err
	}
	port, err := testkit.FreePort()
	if err != nil {
		return nil, err
	}
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", data, "--save", "", "--appendonly", "no"}
	if synced {
		args = append(args[:len(args)-1], "yes", "--appendfsync", "always")
	}
	s := &redisServer{cmd: exec.Command(program, args...), addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = &s.log, &s.log, attributes()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // its log says why it ended
		close(s.exited)
	}()
	if err := s.ready(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// ready waits until the server answers.
func (s *redisServer) ready() error {
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		if err := client.Ping(ctx).Err(); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("redis-server has ended:\n%s", s.log.String())
		case <-ctx.Done():
			return errors.New("redis-server does not answer")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// close ends the server and waits for it.
func (s *redisServer) close() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}
