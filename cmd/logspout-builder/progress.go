package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/gliderlabs/logspout-builder/generator"
	"github.com/gliderlabs/logspout-builder/generator/gotool"
	"github.com/gliderlabs/logspout-builder/generator/timings"
)

// progressView shows the steps of a build. Each is a line with its time; on a terminal the line stands there from the step's beginning, and
// counts the seconds. As events, each line is a JSON object.
type progressView struct {
	to     io.Writer
	events *eventWriter // nil for people
	width  int          // of the terminal, 0 when there is none
	hide   gotool.Secrets

	started time.Time
	took    []timings.Node // the steps that ended

	mu      sync.Mutex
	open    string // the step that stands without its end, "" when none does
	since   time.Time
	stop    chan struct{} // ends the clock of the open step
	stopped chan struct{}
}

// newProgressView shows progress on a process's standard error, or as events on its standard output.
func newProgressView(p process, asEvents bool) *progressView {
	v := &progressView{to: p.stderr, started: time.Now(), hide: gotool.NewSecrets(p.environ)}
	if asEvents {
		v.events = newEventWriter(p.stdout)
		return v
	}
	if f, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) && p.getenv("TERM") != "dumb" {
		v.width = 80
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			v.width = columns
		}
	}
	return v
}

func (v *progressView) report(step generator.Progress) {
	step.Detail = v.hide.Hide(step.Detail)
	if step.Done && step.Elapsed > 0 {
		v.took = append(v.took, timings.Node{Name: step.Step, Detail: step.Detail, Elapsed: step.Elapsed, Parts: step.Parts})
	}
	if v.events != nil {
		v.events.progress(step)
		return
	}
	if !step.Done && v.width > 0 {
		v.close()
		v.begin(fmt.Sprintf("%-9s %s", step.Step, step.Detail))
	}
	if step.Done {
		v.endClock()
		took := ""
		if step.Elapsed > 0 {
			took = " (" + short(step.Elapsed) + ")"
		}
		v.print(fmt.Sprintf("%-9s %s%s\n", step.Step, step.Detail, took))
	}
}

// note tells of something that takes no time.
func (v *progressView) note(step, detail string) {
	v.close()
	v.report(generator.Progress{Step: step, Detail: detail, Done: true})
}

// showTimings shows how long each step took that ended so far.
func (v *progressView) showTimings() {
	all := timings.Node{Name: "all", Elapsed: time.Since(v.started), Parts: v.took}
	if v.events != nil {
		v.events.write(event{Event: "timings", Tree: &all})
		return
	}
	v.close()
	_, _ = io.WriteString(v.to, all.Tree())
}

// begin shows a step, and its seconds until the clock is ended.
func (v *progressView) begin(line string) {
	v.mu.Lock()
	v.open, v.since = line, time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	v.stop, v.stopped = stop, stopped
	v.draw()
	v.mu.Unlock()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				v.mu.Lock()
				v.draw()
				v.mu.Unlock()
			}
		}
	}()
}

// draw writes the open step over itself, in one line of the terminal.
func (v *progressView) draw() {
	end := " ..."
	if took := time.Since(v.since); took >= time.Second {
		end += " " + took.Truncate(time.Second).String()
	}
	line := []rune(v.open)
	if room := v.width - len(end) - 1; len(line) > room {
		line = line[:max(room, 0)]
	}
	_, _ = fmt.Fprintf(v.to, "\r\x1b[K%s%s", string(line), end)
}

// print writes a line, in the place of the open step's where one stands.
func (v *progressView) print(line string) {
	if v.open != "" {
		line, v.open = "\r\x1b[K"+line, ""
	}
	_, _ = io.WriteString(v.to, line)
}

func (v *progressView) endClock() {
	if v.stop != nil {
		close(v.stop)
		<-v.stopped
		v.stop = nil
	}
}

// close ends the line of a step that did not end well.
func (v *progressView) close() {
	v.endClock()
	if v.open != "" {
		_, _ = io.WriteString(v.to, "\r\x1b[K"+strings.TrimRight(v.open, " ")+"\n")
		v.open = ""
	}
}

// short is a duration as people read it.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
