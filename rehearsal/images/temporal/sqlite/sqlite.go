// Package sqlite stands in the place of the driver that Temporal's server brings for its development server: C
// translated to Go, 13 MB of it with its library, of which nothing runs beside Postgres.
// It has what the server names, and opens nothing.
package sqlite

import (
	"database/sql/driver"
	"errors"
)

// Driver opens no database.
type Driver struct{}

// Open fails.
func (*Driver) Open(string) (driver.Conn, error) {
	return nil, errors.New("this build has no SQLite; use postgres12_pgx")
}

// Error is what a statement would fail with.
type Error struct{}

// Code is 0, the code of no error.
func (*Error) Code() int { return 0 }

func (*Error) Error() string { return "no SQLite" }
