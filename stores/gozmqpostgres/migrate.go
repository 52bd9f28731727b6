package gozmqpostgres

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// migrations has the file of each version of the schema. A file never changes once
// it is released.
//
//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the version that this package reads and writes.
const schemaVersion = 2

// migrate brings the schema of a queue to schemaVersion. It returns an error for a
// newer one. Programs that do so at once wait for each other. Nothing is written,
// and no right to write is needed, when there is nothing to do.
func migrate(ctx context.Context, c *pgx.Conn, schema string) error {
	switch have, err := versionOf(ctx, c, schema); {
	case err != nil:
		return err
	case have == schemaVersion:
		return nil
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('gozmq migrate ' || $1, 0))`, schema); err != nil {
			return err
		}
		have, err := versionOf(ctx, tx, schema)
		if err != nil {
			return err
		}
		name := pgx.Identifier{schema}.Sanitize()
		if have == 0 {
			if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+name); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `SET LOCAL search_path TO `+name); err != nil {
			return err
		}
		if have == 0 {
			const table = `CREATE TABLE schema_versions (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`
			if _, err := tx.Exec(ctx, table); err != nil {
				return err
			}
		}
		for next := have + 1; next <= schemaVersion; next++ {
			if err := apply(ctx, tx, next); err != nil {
				return fmt.Errorf("migration %d: %w", next, err)
			}
		}
		return nil
	})
}

// apply makes one migration in a transaction.
func apply(ctx context.Context, tx pgx.Tx, version int) error {
	script, err := migrations.ReadFile(fmt.Sprintf("migrations/%04d.sql", version))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, string(script)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO schema_versions (version) VALUES ($1)`, version)
	return err
}

// A querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// versionOf returns the version of a schema, 0 for none.
func versionOf(ctx context.Context, q querier, schema string) (version int, err error) {
	table := pgx.Identifier{schema, "schema_versions"}.Sanitize()
	there := false
	// Not to_regclass, which may remember from before the lock that there is none.
	const find = `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'schema_versions')`
	if err := q.QueryRow(ctx, find, schema).Scan(&there); err != nil || !there {
		return 0, err
	}
	if err := q.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM `+table).Scan(&version); err != nil {
		return 0, err
	}
	if version > schemaVersion {
		return 0, fmt.Errorf("the schema %q has version %d, which a newer gozmqpostgres has made; this one knows %d: update this program", schema, version, schemaVersion)
	}
	return version, nil
}
