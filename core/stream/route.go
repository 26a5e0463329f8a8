package stream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/gliderlabs/logspout-builder/core"
)

// Options are the route options that every Stream understands.
var Options = []string{"datagram_bytes"} //nolint:gochecknoglobals // constant

// ForRoute makes the Stream of a route for an adapter: it finds the transport behind the adapter's name in the scheme (or fallback), lets it check
// and complete its options, and refuses options that neither it, nor the adapter (own), nor the Stream knows. It does no I/O beyond what
// the transport reads to check its options.
func ForRoute(env core.Env, route *core.Route, adapter, fallback string, own ...string) (*Stream, error) {
	name := route.Transport(adapter, fallback)
	transport, ok := env.Modules.AdapterTransport(name)
	if !ok {
		return nil, &core.UnknownError{Kind: "transport", Name: name, Have: env.Modules.Names("AdapterTransport")}
	}
	var problems []error
	known, options, address := slices.Concat(own, Options), route.Options, route.Endpoint()
	if c, ok := transport.(core.TransportConfigurer); ok { // it knows what an address is
		known = append(known, c.Options()...)
		var err error
		if options, err = c.Configure(env, address, options); err != nil {
			problems = append(problems, err)
		}
	} else if address == "" {
		problems = append(problems, fmt.Errorf("no address: want %s://host:port", route.Adapter))
	}
	size, err := datagramBytes(route)
	problems = append(problems, route.CheckOptions(known...), err)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return New(Config{
		Dial:          func(ctx context.Context) (net.Conn, error) { return transport.Dial(ctx, address, options) },
		Logger:        env.Logger,
		DatagramBytes: size,
	}), nil
}

func datagramBytes(route *core.Route) (int, error) {
	v := route.Option("datagram_bytes", "")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < leastDatagram || n > 65507 {
		return 0, fmt.Errorf("option datagram_bytes=%q: want a whole number from %d to 65507", v, leastDatagram)
	}
	return n, nil
}

// CheckHostPort reports what is wrong with the "host:port" of a network ("tcp", "udp"). The port is a number, or a service's name that
// this host knows.
func CheckHostPort(network, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("address %q: want host:port", address)
	}
	if n, err := net.LookupPort(network, port); err != nil || n == 0 { //nolint:noctx // looks at a file of this host alone
		return fmt.Errorf("address %q: port %q: want a number from 1 to 65535 or the name of a service", address, port)
	}
	return nil
}
