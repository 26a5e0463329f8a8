package docker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"
)

// callTimeout bounds the calls that answer at once.
const callTimeout = 30 * time.Second

// engine is the part of the engine's API that is needed.
type engine struct {
	options *options
	cli     atomic.Pointer[client.Client] // nil before the first connection
}

// newClient makes a client. It does not connect.
func newClient(o *options) (*client.Client, error) {
	// Attaching upgrades a connection of HTTP/1. Without HTTP/2 the transport also has no TLS configuration of its own, which the client
	// would take for a wish.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Protocols:       &protocols,
		MaxIdleConns:    6,
		IdleConnTimeout: 30 * time.Second,
		ReadBufferSize:  16 << 10, // a log stream's frames come one HTTP chunk each: this is what one read gets
		WriteBufferSize: 1 << 10,
	}
	scheme := "http"
	if o.tls && !strings.HasPrefix(o.address(), "unix://") {
		scheme = "https"
		config, err := o.tlsConfig()
		if err != nil {
			return nil, fmt.Errorf("use TLS: %w", err)
		}
		transport.TLSClientConfig = config
	}
	opts := []client.Opt{
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(o.address()),
		client.WithScheme(scheme),
	}
	if o.apiVersion != "" {
		opts = append(opts, client.WithAPIVersion(o.apiVersion))
	}
	return client.New(opts...)
}

// tlsConfig is what docker's own command line does with these variables.
func (o *options) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !o.tlsVerify} //nolint:gosec // DOCKER_TLS_VERIFY decides
	if o.certPath == "" {
		return config, nil
	}
	ca, err := os.ReadFile(filepath.Join(o.certPath, "ca.pem"))
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Join(o.certPath, "ca.pem"))
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(o.certPath, "cert.pem"), filepath.Join(o.certPath, "key.pem"))
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// connect asks whether the engine is there, agrees with it on an API version, and tells how much its clock is ahead. Every connection
// has a client of its own: another engine may have come.
func (e *engine) connect(ctx context.Context) (ahead time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cli, err := newClient(e.options)
	if err != nil {
		return 0, err
	}
	if _, err := cli.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		_ = cli.Close()
		return 0, err
	}
	if old := e.cli.Swap(cli); old != nil {
		_ = old.Close()
	}
	return clockAhead(ctx, cli), ctx.Err()
}

// clockAhead is by how much the engine's clock is ahead of this host's, 0 when they may well be the same, or when it is not told: a
// socket proxy may refuse to.
func clockAhead(ctx context.Context, cli *client.Client) time.Duration {
	asked := time.Now()
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return 0
	}
	now, err := time.Parse(time.RFC3339Nano, info.Info.SystemTime)
	if err != nil || now.After(asked) && now.Before(time.Now()) {
		return 0
	}
	return time.Until(now) + time.Since(asked)/2
}

func (e *engine) close() {
	if cli := e.cli.Load(); cli != nil {
		_ = cli.Close()
	}
}

func (e *engine) version() string { return e.cli.Load().ClientVersion() }

// repeatsLines tells an engine that sends lines again when it rotates a log file.
func (e *engine) repeatsLines() bool {
	return versions.LessThanOrEqualTo(e.version(), lastRepeatingAPI)
}

func (e *engine) events(ctx context.Context, since time.Time) client.EventsResult {
	return e.cli.Load().Events(ctx, client.EventsListOptions{
		Since:   formatTime(since.UnixNano()),
		Filters: make(client.Filters).Add("type", "container", "network"),
	})
}

// summary is what a list says of a container.
type summary struct {
	id, name, image, imageID string
	labels                   map[string]string
	created                  time.Time // to the second
	running                  bool
	ran                      bool // it was started at some time
}

func (e *engine) list(ctx context.Context) ([]summary, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result, err := e.cli.Load().ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	list := make([]summary, len(result.Items))
	for i := range result.Items {
		c := &result.Items[i]
		list[i] = summary{
			id: c.ID, image: c.Image, imageID: c.ImageID, labels: c.Labels, created: time.Unix(c.Created, 0),
			running: c.State == "running" || c.State == "paused", ran: c.State != "created",
		}
		for _, name := range c.Names { // "/other/alias" is a link
			if strings.Count(name, "/") < 2 {
				list[i].name = name
			}
		}
	}
	return list, nil
}

// inspect returns the engine's description of a container as it came.
func (e *engine) inspect(ctx context.Context, id string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result, err := e.cli.Load().ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	return result.Raw, err
}

// logs opens a container's log from since (nanoseconds since the epoch; 0: from its beginning), or its last lines when tail is not "".
func (e *engine) logs(ctx context.Context, id string, since int64, tail string, follow bool) (io.ReadCloser, error) {
	o := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: follow, Tail: tail}
	if since > 0 {
		o.Since = formatTime(since)
	}
	return e.cli.Load().ContainerLogs(ctx, id, o)
}

// attach takes part in what a container prints from now on. The connection is the caller's: ctx ends the attempt alone.
func (e *engine) attach(ctx context.Context, id string) (net.Conn, error) {
	r, err := e.cli.Load().ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err == nil {
		return r.Conn, nil
	}
	// The client has no type for it.
	if _, status, ok := strings.Cut(err.Error(), "unable to upgrade to tcp, received "); ok {
		if n, numErr := strconv.Atoi(status); numErr == nil {
			return nil, &refusedError{n}
		}
	}
	return nil, err
}

// refusedError is an HTTP status other than that of an upgrade.
type refusedError struct{ status int }

func (e *refusedError) Error() string {
	return fmt.Sprintf("attach: status %d instead of %d", e.status, http.StatusSwitchingProtocols)
}

// formatTime is a time as the API takes it: seconds and nanoseconds since the epoch.
func formatTime(nanos int64) string {
	fraction := strconv.FormatInt(nanos%1e9+1e9, 10)
	return strconv.FormatInt(nanos/1e9, 10) + "." + fraction[1:]
}

var (
	errGone        = errors.New("the container is gone")
	errUnsupported = errors.New("the container's log driver does not support reading")
	errSilent      = errors.New("the log stream was silent for too long")
	errUnwanted    = errors.New("the container is not to be read")
)

// classify makes one of the errors above of what the engine answers, where it is one.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err), errdefs.IsConflict(err): // a conflict: it is being removed
		return fmt.Errorf("%w: %w", errGone, err)
	case errdefs.IsNotImplemented(err), strings.Contains(err.Error(), "does not support reading"):
		return fmt.Errorf("%w: %w", errUnsupported, err)
	}
	return err
}
