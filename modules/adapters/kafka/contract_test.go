package kafka

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gliderlabs/logspout-builder/core"
	"github.com/gliderlabs/logspout-builder/core/moduletest"
)

func TestKafkaKeepsTheContractOfAdapters(t *testing.T) {
	moduletest.TestAdapter(t, moduletest.AdapterSuite{
		Factory: New,
		Env:     env,
		Destination: func(tb testing.TB) moduletest.Destination {
			tb.Helper()
			c, err := kfake.NewCluster(kfake.NumBrokers(1))
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(c.Close)
			if err := c.CreateTopic("logs", 1, map[string]string{"max.message.bytes": "4000000"}); err != nil {
				tb.Fatal(err)
			}
			return moduletest.Destination{
				Route: "kafka://" + c.ListenAddrs()[0] + "/logs?max_message_bytes=3m",
				Arrived: func(sent []core.Message) error {
					return compare(tb.Context(), c, sent)
				},
			}
		},
		Invalid: []moduletest.InvalidRoute{
			{URI: "kafka://b", Problems: []string{"no topic"}},
			{URI: "kafka://b:x/a/b?format=xml&sasl=x", Problems: []string{"broker", "topic", "format", "sasl"}},
		},
	})
}

// compare holds what the topic has against what was sent.
func compare(ctx context.Context, c *kfake.Cluster, sent []core.Message) error {
	if n := c.PartitionInfo("logs", 0).HighWatermark; n != int64(len(sent)) {
		return fmt.Errorf("the topic holds %d records, want %d", n, len(sent))
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("logs"))
	if err != nil {
		return err
	}
	defer client.Close()
	for at := 0; at < len(sent); {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if m := sent[at]; string(r.Value) != m.Data || string(r.Key) != m.Container.ID {
				return fmt.Errorf("record %d is %.80q of %q, want %.80q of %q", at, r.Value, r.Key, m.Data, m.Container.ID)
			}
			at++
		}
	}
	return nil
}
