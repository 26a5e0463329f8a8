package main

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/fault"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/manifest"
	"github.com/gliderlabs/logspout-builder/generator/timings"
)

// eventWriter writes what happens as JSON objects, one a line: begin and end of a step, note, built, timings, error, done. docs/builder.md has
// their members.
type eventWriter struct {
	enc     *json.Encoder
	started time.Time
}

// event is one line of them. Members that say nothing are left out.
type event struct {
	Event string `json:"event"`
	// Of begin, end, note and error.
	Step   string `json:"step,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Of end and done.
	Seconds *float64 `json:"seconds,omitempty"`
	// Of error.
	Package string `json:"package,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message,omitempty"`
	Next    string `json:"next,omitempty"`
	// Of timings.
	Tree *timings.Node `json:"tree,omitempty"`
	// Of done.
	Exit *int `json:"exit,omitempty"`
	*Built
}

// Built are the members of a binary that was made.
type Built struct {
	Platform string              `json:"platform"`
	Path     string              `json:"path"`
	Size     int64               `json:"size"`
	SHA256   string              `json:"sha256"`
	Digest   string              `json:"digest"`
	Cached   bool                `json:"cached"`
	LeftOut  []generator.LeftOut `json:"leftOut,omitempty"`
}

func newEventWriter(to io.Writer) *eventWriter {
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	return &eventWriter{enc: enc, started: time.Now()}
}

func (w *eventWriter) write(e event) { _ = w.enc.Encode(e) } // who reads no more is told nothing more

func (w *eventWriter) progress(step generator.Progress) {
	e := event{Event: "begin", Step: step.Step, Detail: step.Detail}
	switch {
	case step.Done && step.Elapsed > 0:
		e.Event, e.Seconds = "end", seconds(step.Elapsed)
	case step.Done:
		e.Event = "note"
	}
	w.write(e)
}

func (w *eventWriter) built(r *generator.Result) {
	w.write(event{Event: "built", Built: &Built{r.Platform, r.Path, r.Size, r.SHA256, r.Digest, r.Cached, r.LeftOut}})
}

// done is the last event: every problem of err before it, and the exit code.
func (w *eventWriter) done(err error, hide gotool.Secrets) {
	code := 0
	if err != nil {
		code = exitCode(err)
		for _, e := range errorEvents(err) {
			e.Message, e.Next = hide.Hide(e.Message), hide.Hide(e.Next)
			w.write(e)
		}
	}
	w.write(event{Event: "done", Exit: &code, Seconds: seconds(time.Since(w.started))})
}

// errorEvents are the problems that an error is made of, each with its place.
func errorEvents(err error) []event {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var events []event
		for _, one := range joined.Unwrap() {
			events = append(events, errorEvents(one)...)
		}
		return events
	}
	step := map[int]string{exitUsage: "usage", exitManifest: "manifest", 4: "resolve", 5: "compile", 6: "verify"}[exitCode(err)]
	if c, ok := err.(codedError); ok { //nolint:errorlint // what it wraps may be several
		events := errorEvents(c.error)
		for i := range events {
			events[i].Step = step
		}
		return events
	}
	if found, ok := errors.AsType[manifest.Errors](err); ok {
		var events []event
		for _, p := range found {
			events = append(events, event{Event: "error", Step: step, File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Col, Message: p.Message})
		}
		return events
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return []event{{
			Event: "error", Step: step, Package: e.Package, File: e.Pos.File, Line: e.Pos.Line, Column: e.Pos.Col, Message: e.Err.Error(), Next: e.Hint,
		}}
	}
	return []event{{Event: "error", Step: step, Message: err.Error()}}
}

func seconds(d time.Duration) *float64 {
	s := d.Round(time.Millisecond).Seconds()
	return &s
}
