package kafka

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/gliderlabs/logspout-builder/core"
)

// The bounds of a record batch: the default is that of Kafka's own clients, the largest is what a request may hold.
const (
	defaultMaxMessageBytes = 1_000_012
	largestMessageBytes    = 100 << 20
	maxBufferedRecords     = 1 << 20 // more than any batch that is handed to Deliver
	dialTime               = 5 * time.Second
)

var topicForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// config is what a route's URI says.
type config struct {
	topic       string
	user        string
	timeout     time.Duration // of one Deliver
	maxBytes    int           // of one record batch
	appendValue func(dst []byte, m *core.Message) ([]byte, error)
	headers     bool
	client      []kgo.Opt
}

// parse checks a route and reports all that is wrong with it.
func parse(env core.Env, route *core.Route) (config, error) {
	var problems []error
	note := func(err error) {
		problems = append(problems, err)
	}
	c := config{user: route.User, client: []kgo.Opt{
		kgo.ClientID("logspout"),
		kgo.RequiredAcks(kgo.AllISRAcks()), // and idempotent, which is kgo's default
		kgo.ManualFlushing(),               // Deliver hands over a batch as a whole
		kgo.MaxBufferedRecords(maxBufferedRecords),
		kgo.MetadataMinAge(time.Second), // so that a cluster that is back is found within a second
		kgo.RetryBackoffFn(backoff),
	}}
	brokers, err := parseBrokers(route.Address)
	note(err)
	c.client = append(c.client, kgo.SeedBrokers(brokers...))
	dialer, options, err := parseTransport(env, route, brokers)
	note(err)
	if dialer != nil {
		c.client = append(c.client, dialer)
	} else {
		c.client = append(c.client, kgo.DialTimeout(dialTime))
	}
	note(route.CheckOptions(append(options, "compression", "format", "headers", "max_message_bytes", "sasl", "timeout", "tls", "topic", "topic.create")...))
	c.topic, err = parseTopic(route)
	note(err)
	c.timeout, err = core.ParseDuration(route.Option("timeout", "10s"))
	note(prefixed("timeout", err))
	if err == nil && c.timeout < 100*time.Millisecond {
		note(fmt.Errorf("timeout %s: want 100ms or more", c.timeout))
	}
	c.maxBytes, err = parseMaxBytes(route.Option("max_message_bytes", strconv.Itoa(defaultMaxMessageBytes)))
	note(prefixed("max_message_bytes", err))
	c.client = append(c.client, kgo.ProducerBatchMaxBytes(int32(c.maxBytes))) //nolint:gosec // at most largestMessageBytes
	c.headers, err = core.ParseBool(route.Option("headers", "true"))
	note(prefixed("headers", err))
	c.appendValue, err = parseFormat(env, route)
	note(err)
	codec, err := parseCompression(route.Option("compression", "snappy"))
	note(err)
	c.client = append(c.client, kgo.ProducerBatchCompression(codec, kgo.NoCompression()))
	create, err := core.ParseBool(route.Option("topic.create", "false"))
	note(prefixed("topic.create", err))
	if create {
		c.client = append(c.client, kgo.AllowAutoTopicCreation())
	}
	mechanism, err := parseSASL(route)
	note(err)
	if mechanism != nil {
		c.client = append(c.client, kgo.SASL(mechanism))
	}
	if err := errors.Join(problems...); err != nil {
		return config{}, err
	}
	return c, kgo.ValidateOpts(c.client...)
}

// backoff is the wait before a request is tried again within one Deliver: 50 ms, doubled up to 1 s. The agent's own, longer
// backoff comes between deliveries.
func backoff(tries int) time.Duration {
	return min(time.Second, 25*time.Millisecond<<min(tries, 6))
}

func parseBrokers(list string) ([]string, error) {
	var brokers []string
	var problems []error
	for b := range strings.SplitSeq(list, ",") {
		b = strings.TrimSpace(b)
		host, port, err := net.SplitHostPort(b)
		if err != nil { // no port
			host, port = strings.Trim(b, "[]"), "9092"
		}
		if n, err := strconv.ParseUint(port, 10, 16); host == "" || strings.ContainsAny(host, "/[] ") || err != nil || n == 0 {
			problems = append(problems, fmt.Errorf("broker %q: want host:port, as in kafka://b1:9092,b2:9092/topic", b))
			continue
		}
		brokers = append(brokers, net.JoinHostPort(host, port))
	}
	return brokers, errors.Join(problems...)
}

// parseTopic takes the topic from the path, or from the option that older Kafka adapters have.
func parseTopic(route *core.Route) (string, error) {
	topic, option := strings.TrimPrefix(route.Path, "/"), route.Option("topic", "")
	switch {
	case topic == "" && option == "":
		return "", errors.New("no topic: want kafka://broker:9092/topic")
	case topic != "" && option != "" && topic != option:
		return "", fmt.Errorf("two topics: %q as the path and %q as the option", topic, option)
	case topic == "":
		topic = option
	}
	if !topicForm.MatchString(topic) || topic == "." || topic == ".." {
		return "", fmt.Errorf("topic %q: want 1 to 249 of a-z A-Z 0-9 . _ -", topic)
	}
	return topic, nil
}

func parseMaxBytes(s string) (int, error) {
	n, err := core.ParseSize(s)
	if err == nil && (n < 1024 || n > largestMessageBytes) {
		err = errors.New("want 1k to 100m")
	}
	return int(n), err
}

func parseCompression(name string) (kgo.CompressionCodec, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[name]
	if !ok {
		return codec, fmt.Errorf("compression %q: want none, gzip, snappy, lz4 or zstd", name)
	}
	return codec, nil
}

func parseSASL(route *core.Route) (sasl.Mechanism, error) {
	name := strings.ToLower(route.Option("sasl", ""))
	if name == "" && route.User != "" {
		name = "plain"
	}
	if name == "" {
		return nil, nil //nolint:nilnil // no mechanism is one of the answers
	}
	if !slices.Contains([]string{"plain", "scram-sha-256", "scram-sha-512"}, name) {
		return nil, fmt.Errorf("sasl %q: want plain, scram-sha-256 or scram-sha-512", name)
	}
	if route.User == "" || route.Password == "" {
		return nil, fmt.Errorf("sasl %s without user and password: want kafka://user:password@broker:9092/topic", name)
	}
	auth := scram.Auth{User: route.User, Pass: route.Password}
	switch name {
	case "scram-sha-256":
		return auth.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return auth.AsSha512Mechanism(), nil
	}
	return plain.Auth{User: route.User, Pass: route.Password}.AsMechanism(), nil
}

// prefixed names the option that err is about.
func prefixed(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}
