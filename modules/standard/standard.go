// Package standard is the standard set of modules: import it for its registrations.
package standard

import (
	_ "github.com/gliderlabs/logspout-builder/modules/adapters/raw"    // adapter raw
	_ "github.com/gliderlabs/logspout-builder/modules/adapters/syslog" // adapter syslog
	_ "github.com/gliderlabs/logspout-builder/modules/http/health"     // GET /health
	_ "github.com/gliderlabs/logspout-builder/modules/http/httpstream" // GET /logs
	_ "github.com/gliderlabs/logspout-builder/modules/http/metrics"    // GET /metrics
	_ "github.com/gliderlabs/logspout-builder/modules/http/routesapi"  // /routes
	_ "github.com/gliderlabs/logspout-builder/modules/routers/docker"  // log router docker
	_ "github.com/gliderlabs/logspout-builder/modules/transports/tcp"  // transport tcp
	_ "github.com/gliderlabs/logspout-builder/modules/transports/tls"  // transport tls
	_ "github.com/gliderlabs/logspout-builder/modules/transports/udp"  // transport udp
	_ "github.com/gliderlabs/logspout-builder/modules/transports/unix" // transport unix
)
