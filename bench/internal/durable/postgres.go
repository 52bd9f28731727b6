package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gozmq/gozmq/internal/postgrestest"
)

// A lazyPostgres is a server that is started when it is needed. It syncs what is
// committed, unless a connection's synchronous_commit is off.
type lazyPostgres struct{ server *postgrestest.Server }

func (l *lazyPostgres) get() (*postgrestest.Server, error) {
	if l.server != nil {
		return l.server, nil
	}
	var err error
	l.server, err = postgrestest.New("fsync=on", "max_connections=200", "shared_buffers=256MB", "max_wal_size=2GB")
	if errors.Is(err, postgrestest.ErrMissing) {
		err = fmt.Errorf("PostgreSQL %w; .ci/run debian installs it", ErrMissing)
	}
	return l.server, err
}

func (l *lazyPostgres) close() {
	if l.server != nil {
		l.server.Close()
	}
}

// PostgresURL returns how to connect to the server.
func (s *Servers) PostgresURL(synced bool) (string, error) {
	server, err := s.postgres.get()
	if err != nil {
		return "", err
	}
	url := server.URL(server.Addr())
	if !synced {
		url += "&synchronous_commit=off"
	}
	return url, nil
}

// dropSchema removes a queue's tables.
func dropSchema(url, schema string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return
	}
	defer c.Close(ctx)
	_, _ = c.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
}
