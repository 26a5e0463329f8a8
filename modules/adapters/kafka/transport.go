package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gliderlabs/logspout-builder/core"
)

// parseTransport makes the client's dialer of the transport that the scheme names, nil for plain TCP, and the names of its options.
// "tls=true" is another way to write kafka+tls.
func parseTransport(env core.Env, route *core.Route, brokers []string) (dialer kgo.Opt, options []string, err error) {
	name := route.Transport("kafka", "")
	withTLS, err := core.ParseBool(route.Option("tls", "false"))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("tls: %w", err)
	case withTLS && name != "" && name != "tls":
		return nil, nil, fmt.Errorf("tls=true and kafka+%s: want one of them", name)
	case withTLS:
		name = "tls"
	}
	if name == "" || name == "tcp" {
		for key := range route.Options {
			if strings.HasPrefix(key, "tls.") {
				return nil, []string{"tls."}, fmt.Errorf("%s without TLS: write kafka+tls://", key)
			}
		}
		return nil, nil, nil
	}
	transport, ok := env.Modules.AdapterTransport(name)
	if !ok {
		return nil, []string{name + "."}, &core.UnknownError{Kind: "transport", Name: name, Have: env.Modules.Names("AdapterTransport")}
	}
	complete := route.Options
	if c, ok := transport.(core.TransportConfigurer); ok {
		options = c.Options()
		var problems []error
		for _, b := range brokers {
			if complete, err = c.Configure(env, b, route.Options); err != nil && !slices.ContainsFunc(problems, func(p error) bool { return p.Error() == err.Error() }) {
				problems = append(problems, err)
			}
		}
		if err := errors.Join(problems...); err != nil {
			return nil, options, err
		}
	}
	return kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) {
		return transport.Dial(ctx, address, complete)
	}), options, nil
}
