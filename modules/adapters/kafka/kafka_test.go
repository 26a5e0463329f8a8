package kafka

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/gliderlabs/logspout-builder/core"
)

func TestRecordsCarryTheLineAndItsOrigin(t *testing.T) {
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs")
	m := numbered("a", 7)
	if err := a.Deliver(t.Context(), []core.Message{m}); err != nil {
		t.Fatal(err)
	}
	r := consume(t, c, "logs", 1)[0]
	if string(r.Key) != m.Container.ID || string(r.Value) != m.Data || !r.Timestamp.Equal(m.Time) {
		t.Errorf("key %q, value %q, time %v", r.Key, r.Value, r.Timestamp)
	}
	got := map[string]string{}
	for _, h := range r.Headers {
		got[h.Key] = string(h.Value)
	}
	for name, want := range map[string]string{
		"container_id": m.Container.ID, "container_name": "web-a", "container_image": "nginx:1", "source": "stdout", "dedupe_key": m.Key(),
	} {
		if got[name] != want {
			t.Errorf("header %s: %q, want %q", name, got[name], want)
		}
	}
}

func TestEveryContainersLinesKeepTheirOrder(t *testing.T) {
	c, _ := cluster(t, kfake.NumBrokers(3))
	a := adapter(t, c.ListenAddrs(), "/logs?compression=zstd")
	batch := lines(2000, "a", "b", "c", "d", "e")
	for part := range slices.Chunk(batch, 1777) {
		if err := a.Deliver(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	checkOrder(t, consume(t, c, "logs", len(batch)), 2000)
}

func TestEmptyLineIsNoTombstone(t *testing.T) {
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs?headers=false")
	m := numbered("a", 0)
	m.Data = ""
	if err := a.Deliver(t.Context(), []core.Message{m}); err != nil {
		t.Fatal(err)
	}
	if r := consume(t, c, "logs", 1)[0]; r.Value == nil || len(r.Headers) != 0 {
		t.Errorf("value %v, headers %v", r.Value, r.Headers)
	}
}

func TestJSONShowsNeitherEnvironmentNorCommand(t *testing.T) {
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs?format=json")
	m := numbered("a", 3)
	if err := a.Deliver(t.Context(), []core.Message{m}); err != nil {
		t.Fatal(err)
	}
	r := consume(t, c, "logs", 1)[0]
	var got map[string]any
	if err := json.Unmarshal(r.Value, &got); err != nil {
		t.Fatal(err)
	}
	if got["container_name"] != "web-a" || got["data"] != "line 3" || got["source"] != "stdout" || got["container_id"] != m.Container.ID {
		t.Errorf("got %v", got)
	}
	if strings.Contains(string(r.Value), "hunter2") {
		t.Errorf("a secret is in %s", r.Value)
	}
}

func TestTemplateMakesTheValue(t *testing.T) {
	m := numbered("a", 3)
	e := env(t)
	e.Vars["KAFKA_TEMPLATE"] = "{{.Container.Name}}\\t{{.Data}}"
	for query, want := range map[string]string{
		"": "/web-a\tline 3", "?format=raw": "line 3", "?format=" + url.QueryEscape(`{"m":{{toJSON .Data}}}`): `{"m":"line 3"}`,
	} {
		route, err := core.ParseRoute("kafka://b/logs" + query)
		if err != nil {
			t.Fatal(err)
		}
		appendValue, err := parseFormat(e, route)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := appendValue(nil, &m); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", query, got, err, want)
		}
	}
}

func TestLineOfWhichTheTemplateMakesNothingIsRejectedAndTheOthersArrive(t *testing.T) {
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs?format="+url.QueryEscape(`{{index (split .Data " ") 1}}`))
	batch := lines(10, "a")
	batch[3].Data, batch[4].Data, batch[9].Data = "x", "y", "z" // no second word
	rejected, _ := deliver(t, a, batch)
	if len(rejected) != 3 {
		t.Errorf("rejected %d lines", len(rejected))
	}
	consume(t, c, "logs", 7)
}

func TestBrokerThatIsDownAtTheStartIsNamedAndFoundLater(t *testing.T) {
	t.Parallel()
	c, g := cluster(t)
	g.set(true, false)
	a := adapter(t, c.ListenAddrs(), "/logs?timeout=500ms")
	err := a.Deliver(t.Context(), lines(10, "a"))
	if err == nil || !strings.Contains(err.Error(), c.ListenAddrs()[0]) {
		t.Fatalf("got %v, want an error that names %s", err, c.ListenAddrs()[0])
	}
	g.set(false, false)
	if _, failures := deliver(t, a, lines(10, "a")); len(failures) > 6 {
		t.Errorf("%d more failures", len(failures))
	}
	checkOrder(t, consume(t, c, "logs", 10), 10)
}

func TestBrokerAwayForTwoSecondsCausesNeitherLossNorDuplicates(t *testing.T) {
	t.Parallel()
	c, g := cluster(t)
	var log bytes.Buffer
	a := adapter(t, c.ListenAddrs(), "/logs?timeout=300ms")
	a.brokers.log = slog.New(slog.NewTextHandler(&log, nil))
	batches := slices.Collect(slices.Chunk(lines(1000, "a", "b", "c"), 100))
	timer := time.AfterFunc(2*time.Second, func() { g.set(false, false) })
	defer timer.Stop()
	failed := 0
	for i, batch := range batches {
		if i == 3 {
			g.set(true, false)
		}
		_, failures := deliver(t, a, batch)
		failed += len(failures)
	}
	if failed == 0 {
		t.Error("the outage was not noticed")
	}
	checkOrder(t, consume(t, c, "logs", 3000), 1000)
	a.Close(t.Context())
	if said := log.String(); strings.Count(said, "broker fails") == 0 || strings.Count(said, "broker fails") != strings.Count(said, "answers again") || strings.Count(said, "\n") > 10 {
		t.Errorf("the log does not tell once that the broker went and came:\n%s", said)
	}
}

func TestLostAcknowledgementCausesNoDuplicate(t *testing.T) {
	t.Parallel()
	c, g := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs?timeout=300ms")
	batch := lines(30, "a", "b")
	if err := a.Deliver(t.Context(), batch[:2]); err != nil {
		t.Fatal(err)
	}
	g.set(false, true) // the cluster writes what comes, and its answers never arrive
	if err := a.Deliver(t.Context(), batch[2:]); err == nil || !strings.Contains(err.Error(), "58 of 58 lines not acknowledged within 300ms") {
		t.Fatalf("got %v", err)
	}
	g.set(true, false)
	g.set(false, false)
	deliver(t, a, batch[2:])
	checkOrder(t, consume(t, c, "logs", 60), 30)
}

func TestLateAcknowledgementCountsWhenTheBatchComesAgainWithMore(t *testing.T) {
	t.Parallel()
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs?timeout=300ms")
	batch := lines(30, "a", "b")
	var wait atomic.Bool
	release := make(chan struct{})
	wait.Store(true)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if wait.Swap(false) {
			c.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	if err := a.Deliver(t.Context(), batch[:20]); err == nil {
		t.Fatal("delivered while the cluster was asleep")
	}
	close(release)
	deliver(t, a, batch)
	checkOrder(t, consume(t, c, "logs", 60), 30)
}

func TestErrorsOfOnePartitionConcernItsLinesOnly(t *testing.T) {
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs")
	batch := lines(50, "a", "b", "c", "d", "e", "f")
	if err := a.Deliver(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	of := map[string]int32{} // the partition of each container
	for _, r := range consume(t, c, "logs", 300) {
		of[string(r.Key)] = r.Partition
	}
	bad := of[batch[0].Container.ID]
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "logs", Partitions: []int32{bad}, Err: kerr.TopicAuthorizationFailed})
	more := lines(80, "a", "b", "c", "d", "e", "f")[300:]
	err := a.Deliver(t.Context(), more)
	var partial *core.PartialError
	if !errors.As(err, &partial) || len(partial.Rejected) > 0 || !strings.Contains(err.Error(), `may not write to topic "logs"`) {
		t.Fatalf("got %v, want a partial error", err)
	}
	if !slices.IsSorted(partial.Retry) {
		t.Errorf("retry is not in order: %v", partial.Retry)
	}
	var rest []core.Message
	for _, i := range partial.Retry {
		rest = append(rest, more[i])
	}
	for i, m := range more {
		if (of[m.Container.ID] == bad) != slices.Contains(partial.Retry, i) {
			t.Fatalf("line %d of partition %d: wrong in retry %v", i, of[m.Container.ID], partial.Retry)
		}
	}
	deliver(t, a, rest)
	checkOrder(t, consume(t, c, "logs", 480), 80)
}

func TestPassingTroubleOfTheClusterIsRiddenOut(t *testing.T) {
	t.Parallel()
	for _, trouble := range []*kerr.Error{
		kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.OutOfOrderSequenceNumber, kerr.UnknownServerError,
	} {
		t.Run(trouble.Message, func(t *testing.T) {
			t.Parallel()
			c, _ := cluster(t)
			a := adapter(t, c.ListenAddrs(), "/logs?timeout=2s")
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "logs", Err: trouble, Count: 3})
			for batch := range slices.Chunk(lines(100, "a", "b", "c"), 60) {
				deliver(t, a, batch)
			}
			checkOrder(t, consume(t, c, "logs", 300), 100)
		})
	}
}

func TestTooLargeRecordIsRejectedAndTheOthersArrive(t *testing.T) {
	c, _ := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs?max_message_bytes=10k&compression=none")
	batch := lines(100, "a")
	large := numbered("a", 50)
	large.Data = strings.Repeat("x", 11<<10)
	batch = slices.Insert(batch, 50, large)
	rejected, failures := deliver(t, a, batch)
	if len(rejected) != 1 || rejected[0].Data != large.Data || !strings.Contains(failures[0].Error(), "max_message_bytes") {
		t.Errorf("rejected %d lines, %v", len(rejected), failures)
	}
	if got := len(consume(t, c, "logs", 100)); got != 100 {
		t.Errorf("%d records", got)
	}
	if err := a.Deliver(t.Context(), []core.Message{large}); !core.IsPermanent(err) {
		t.Errorf("alone: got %v, want a permanent error", err)
	}
}

func TestTopicThatTakesLessThanTheClientSendsGetsSmallerBatches(t *testing.T) {
	c, _ := cluster(t)
	if err := c.CreateTopic("small", 1, map[string]string{"max.message.bytes": "4096"}); err != nil {
		t.Fatal(err)
	}
	a := adapter(t, c.ListenAddrs(), "/small?compression=none&format=raw")
	batch := lines(500, "a")
	large := numbered("b", 0)
	large.Data = strings.Repeat("x", 5000)
	batch = slices.Insert(batch, 250, large)
	rejected, _ := deliver(t, a, batch)
	if len(rejected) != 1 || rejected[0].Data != large.Data {
		t.Errorf("rejected %d lines", len(rejected))
	}
	checkOrder(t, consume(t, c, "small", 500), 500)
	produces := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1})
	if err := a.Deliver(t.Context(), batch[:250]); err != nil {
		t.Fatal(err)
	}
	if n := produces.Hits(); n > 60 { // 250 records of 200 to 300 bytes, at least 2 KiB at a time
		t.Errorf("%d requests for 250 lines: the limit was not learned", n)
	}
}

func TestTopicThatIsNotThereIsSaidAndNotCreated(t *testing.T) {
	t.Parallel()
	c, _ := cluster(t, kfake.AllowAutoTopicCreation())
	a := adapter(t, c.ListenAddrs(), "/other?timeout=20s")
	err := a.Deliver(t.Context(), lines(1, "a"))
	if err == nil || core.IsPermanent(err) || !strings.Contains(err.Error(), `topic "other" is not on the cluster`) {
		t.Fatalf("got %v", err)
	}
	if c.TopicInfo("other") != nil {
		t.Error("the topic was created")
	}
	a = adapter(t, c.ListenAddrs(), "/other?topic.create=true")
	deliver(t, a, lines(5, "a"))
	checkOrder(t, consume(t, c, "other", 5), 5)
}

func TestPasswordsAreChecked(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			c, _ := cluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "ops", "s:cret/@"), kfake.Superuser("SCRAM-SHA-256", "reader", "r"))
			address := strings.Join(c.ListenAddrs(), ",")
			rest := address + "/logs?sasl=" + strings.ToLower(mechanism)
			refused := adapterOf(t, "kafka://ops:wrong@"+rest+"&timeout=1s")
			err := refused.Deliver(t.Context(), lines(1, "a"))
			for i := 0; i < 10 && err != nil && !strings.Contains(err.Error(), "broker "); i++ { // a busy machine takes long over SCRAM
				err = refused.Deliver(t.Context(), lines(1, "a"))
			}
			if err == nil || core.IsPermanent(err) || !strings.Contains(err.Error(), c.ListenAddrs()[0]) || strings.Contains(err.Error(), "wrong@") {
				t.Errorf("wrong password: %v", err)
			}
			if err := adapterOf(t, "kafka://ops:s%3Acret%2F%40@"+rest).Deliver(t.Context(), lines(3, "a")); err != nil {
				t.Fatal(err)
			}
			consume(t, c, "logs", 3, kgo.SASL(scram.Auth{User: "reader", Pass: "r"}.AsSha256Mechanism()))
		})
	}
}

func TestRefusedPasswordIsSaid(t *testing.T) {
	t.Parallel()
	c, _ := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ops", "secret"))
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	err := adapterOf(t, "kafka://ops:secret@"+c.ListenAddrs()[0]+"/logs?timeout=1s").Deliver(t.Context(), lines(1, "a"))
	if err == nil || !strings.Contains(err.Error(), "SASL_AUTHENTICATION_FAILED") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// certificate makes a self-signed one for 127.0.0.1 and the name, and its PEM file.
func certificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLSChecksTheBrokersName(t *testing.T) {
	t.Parallel()
	pair, file := certificate(t, "kafka.example.com")
	c, _ := cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	err := adapter(t, c.ListenAddrs(), "/logs?timeout=500ms&tls=true&tls.ca="+file).Deliver(t.Context(), lines(1, "a"))
	if err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("a certificate for another name: %v", err)
	}
	for _, uri := range []string{"kafka+tls://%s/logs?", "kafka://%s/logs?tls=true&"} {
		a := adapterOf(t, fmt.Sprintf(uri, c.ListenAddrs()[0])+"tls.servername=kafka.example.com&tls.ca="+file)
		if err := a.Deliver(t.Context(), lines(3, "a")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTransportsThatCannotBeAreRefused(t *testing.T) {
	for uri, want := range map[string]string{
		"kafka+quic://b/logs":         `unknown transport "quic" (this binary has: tls)`,
		"kafka+quic://b/logs?tls=yes": "want one of them",
		"kafka://b/logs?tls.ca=x":     "tls.ca without TLS: write kafka+tls://",
		"kafka+tcp://b/logs?tls.ca=x": "tls.ca without TLS",
	} {
		route, err := core.ParseRoute(uri)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(env(t), route); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", uri, err, want)
		}
	}
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	c, g := cluster(t)
	a := adapter(t, c.ListenAddrs(), "/logs")
	g.set(false, true)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	if err := a.Deliver(ctx, lines(10, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestFactoryConnectsToNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	adapter(t, []string{l.Addr().String()}, "/logs")
	l.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	if c, err := l.Accept(); err == nil {
		c.Close()
		t.Error("the factory connected")
	}
}

func TestFactoryReportsEveryProblemAtOnce(t *testing.T) {
	route, err := core.ParseRoute("kafka://b1:0,ok:9092,/a%2Fb?compression=rar&format=xml&headers=perhaps&max_message_bytes=1&sasl=gssapi&timeout=1ms&tls=true&tls.ca=/no/such/file&tls.cert=x&topics=x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(env(t), route)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`broker "b1:0"`, `broker ""`, `topic "a/b"`, `compression "rar"`, "option format: \"xml\"", "headers: ", "max_message_bytes: ", `sasl "gssapi"`,
		"timeout 1ms", "/no/such/file", "tls.cert and tls.key", `b1:0`, `unknown option "topics"; did you mean "topic"?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in:\n%v", want, err)
		}
	}
}

func TestTopicComesFromThePathOrTheOption(t *testing.T) {
	for uri, want := range map[string]string{
		"kafka://b/logs": "logs", "kafka://b?topic=logs": "logs", "kafka://b/logs?topic=logs": "logs", "kafka://b/a.b_c-D9": "a.b_c-D9",
		"kafka://b": "", "kafka://b/": "", "kafka://b/logs?topic=other": "", "kafka://b/..": "", "kafka://b/a/b": "", "kafka://b/é": "",
	} {
		route, err := core.ParseRoute(uri)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseTopic(route)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
}

func TestBrokersDefaultToTheUsualPort(t *testing.T) {
	got, err := parseBrokers("b1, b2:1234,[::1]:99,[::1]")
	if want := []string{"b1:9092", "b2:1234", "[::1]:99", "[::1]:9092"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}
