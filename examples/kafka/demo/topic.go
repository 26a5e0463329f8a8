package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topic is a topic of an embedded Kafka.
type topic struct {
	name, address string
	cluster       *kfake.Cluster
}

func newTopic(name string) (*topic, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, name))
	if err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	return &topic{name: name, address: cluster.ListenAddrs()[0], cluster: cluster}, nil
}

func (t *topic) close() { t.cluster.Close() }

// tally is what arrived of the lines that were wanted.
type tally struct {
	delivered, twice int
	missing          map[line]int
}

// err says what is wrong with what arrived.
func (t *tally) err() error {
	if len(t.missing) == 0 && t.twice == 0 {
		return nil
	}
	for l := range t.missing {
		return fmt.Errorf("%d lines missing, %d twice; %q of %s, for one", len(t.missing), t.twice, l.text, l.container)
	}
	return fmt.Errorf("%d lines came twice", t.twice)
}

// settleTime is how long after the last line another one would be noticed.
const settleTime = 300 * time.Millisecond

// read prints the records of the topic until all that is wanted has come and nothing follows, or ctx ends. Its tally is never nil.
func (t *topic) read(ctx context.Context, want []line, out io.Writer) (*tally, error) {
	result := &tally{missing: map[line]int{}}
	for _, l := range want {
		result.missing[l]++
	}
	width := 0
	for _, l := range want {
		width = max(width, len(l.container))
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(t.address), kgo.ConsumeTopics(t.name), kgo.FetchMaxWait(settleTime/3))
	if err != nil {
		return result, fmt.Errorf("make consumer: %w", err)
	}
	defer consumer.Close()
	for {
		polling, cancel := ctx, context.CancelFunc(func() {})
		if len(result.missing) == 0 {
			polling, cancel = context.WithTimeout(ctx, settleTime)
		}
		fetches := consumer.PollFetches(polling)
		settled := polling.Err() != nil
		cancel()
		for _, r := range fetches.Records() {
			l := lineOf(r)
			result.count(l)
			_, _ = fmt.Fprintf(out, "partition %d offset %-3d %*s %s | %s\n", r.Partition, r.Offset, width, l.container, l.source, l.text)
		}
		switch {
		case ctx.Err() != nil:
			return result, errors.Join(context.Cause(ctx), result.err())
		case settled:
			return result, result.err()
		}
	}
}

func (t *tally) count(l line) {
	t.delivered++
	if t.missing[l] == 0 {
		t.twice++
		return
	}
	if t.missing[l]--; t.missing[l] == 0 {
		delete(t.missing, l)
	}
}

// lineOf reads the record as the kafka adapter makes it.
func lineOf(r *kgo.Record) line {
	header := func(name string) string {
		i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == name })
		if i < 0 {
			return ""
		}
		return string(r.Headers[i].Value)
	}
	return line{header("container_name"), header("source"), strings.TrimSpace(string(r.Value))}
}
