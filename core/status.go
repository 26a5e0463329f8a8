package core

import (
	"errors"
	"time"
)

// ErrLate ends a live reader that did not keep up.
var ErrLate = errors.New("reader fell behind, lines were dropped for it")

// Reasons for a loss, as counted per route or intake. Modules may count under names of their own: lower case, snake_case.
const (
	LostJournalFull = "journal_full" // the journal's bound was reached before the route had read the line
	LostRejected    = "rejected"     // the destination will never take it (Permanent)
	LostPanic       = "panic"        // the module panicked on it again and again
	LostShutdown    = "shutdown"     // not delivered within the grace at stop, and nowhere to keep it
)

// Status is a snapshot of the whole agent. Counters count since the start of the process.
type Status struct {
	Name    string // of the binary, from its manifest
	Version string // of the binary, from its manifest
	Started time.Time
	// Problems are the reasons why the process is not healthy now, for people; empty when it is.
	Problems []string
	Intakes  []IntakeStatus // sorted by name
	Routes   []RouteStatus  // sorted by id
	Journal  JournalStatus
}

// JournalStatus is what the journal holds.
type JournalStatus struct {
	Lines    uint64 // appended and not yet done with by every route
	Bytes    int64  // memory held
	MaxBytes int64
}

// IntakeStatus is one log router.
type IntakeStatus struct {
	Name   string
	Lines  uint64
	Bytes  uint64 // of Message.Data
	Counts map[string]uint64
	// Err is why logs cannot be read at the moment, "" when they can; Since is from when on.
	Err   string
	Since time.Time
}

// RouteStatus is one route.
type RouteStatus struct {
	Route     *Route
	Delivered uint64            // lines that the destination took
	Bytes     uint64            // of Message.Data delivered
	Filtered  uint64            // lines that the route's filter or processors did not want
	Lost      map[string]uint64 // lines by reason
	Retries   uint64            // deliveries that failed and were tried again
	Counts    map[string]uint64 // what the adapter itself counts (Counter)
	Queue     QueueStatus
	// Err is the last failed delivery's, "" once one has succeeded again; Since is from when on.
	Err           string
	Since         time.Time
	LastDelivered time.Time // zero before the first
}

// QueueStatus is what a route has still to deliver.
type QueueStatus struct {
	Lines uint64
	Bytes int64
	// Oldest is when the oldest of them was appended, zero when there are none.
	Oldest time.Time
}
