package manifest

import (
	"slices"
	"strings"
	"testing"
)

// modulesOf are the names and paths that a manifest expands to.
func modulesOf(t *testing.T, m *Manifest, reg *Registry) string {
	t.Helper()
	packages, err := m.Expand(reg)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range packages {
		ids = append(ids, p.ID())
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestManifestOfRoutesAloneHoldsTheFewestModulesThatServeThem(t *testing.T) {
	reg := bundled(t)
	for routes, want := range map[string]string{
		"syslog+tls://logs.example.com:6514":            "docker health syslog tls",
		"syslog://logs.example.com":                     "docker health syslog udp",
		"raw://a:1":                                     "docker health raw udp",
		"RAW+TCP://a:1":                                 "docker health raw tcp",
		"tcp://a:1":                                     "docker health raw tcp",
		"unix:///run/log.sock":                          "docker health raw unix",
		"kafka://b:9092/t":                              "docker health kafka",
		"kafka+tls://b:9092/t":                          "docker health kafka tls",
		"kafka://b:9092/t?tls=true":                     "docker health kafka tls",
		"kafka://b:9092/t?tls=false":                    "docker health kafka",
		"kafka://b:9092/t syslog+tcp://a:1 udp://a:2":   "docker health kafka raw syslog tcp udp",
		"syslog+tcp://a:1 syslog+tcp://b:1 tcp://$HOST": "docker health raw syslog tcp",
	} {
		list := strings.Fields(routes)
		m, err := Parse("m", []byte("routes:\n- "+strings.Join(list, "\n- ")), reg)
		if err != nil {
			t.Errorf("%s: %v", routes, err)
			continue
		}
		if got := modulesOf(t, m, reg); got != want || len(m.Routes) != len(list) {
			t.Errorf("%s: %s, want %s", routes, got, want)
		}
		flags := Default()
		for _, uri := range list {
			if err := flags.Serve(Route{URI: uri}, reg); err != nil {
				t.Errorf("%s: %v", uri, err)
			}
		}
		if got := modulesOf(t, flags, reg); got != want || flags.Routes != nil {
			t.Errorf("--for %s: %s, want %s; baked in: %v", routes, got, want, flags.Routes)
		}
	}
}

func TestServingAddsOnlyWhatIsMissing(t *testing.T) {
	reg := bundled(t)
	for _, row := range []struct{ manifest, route, want string }{
		{"modules: [stdin, raw]", "syslog+tcp://a:1", "raw stdin syslog tcp"},
		{"modules: [stdin, raw]", "raw+tcp://a:1", "raw stdin tcp"},
		{"modules: [standard]", "syslog+tcp://a:1", "docker health httpstream metrics raw routesapi syslog tcp tls udp unix"},
		{"modules: [standard]", "kafka://a:1/t", "docker health httpstream kafka metrics raw routesapi syslog tcp tls udp unix"},
		{"routes: ['tcp://a:1']", "kafka://a:1/t", "docker health kafka raw tcp"},
		{"name: x", "kafka://a:1/t", "docker health kafka"},
		{"modules: [stdin]", "$ROUTE", "stdin"},
	} {
		m, err := Parse("m", []byte(row.manifest), reg)
		if err == nil {
			err = m.Serve(Route{URI: row.route}, reg)
		}
		if err != nil {
			t.Errorf("%s for %s: %v", row.manifest, row.route, err)
			continue
		}
		if got := modulesOf(t, m, reg); got != row.want {
			t.Errorf("%s for %s: %s, want %s", row.manifest, row.route, got, row.want)
		}
	}
}

func TestRouteThatNeedsWhatIsLeftOutIsAnErrorThatNamesIt(t *testing.T) {
	reg := bundled(t)
	for _, row := range []struct{ manifest, want string }{
		{
			"modules: [docker, raw]\nroutes:\n  - raw+tcp://a:1\n  - kafka://u:hunter2@b:1/t?token=hunter2\n  - syslog://c",
			`m:3:5: route raw+tcp://a:1 needs transport "tcp": add module "tcp"
m:4:5: route kafka://b:1/t needs adapter "kafka": add module "kafka"
m:5:5: route syslog://c needs adapter "syslog": add module "syslog"
m:5:5: route syslog://c needs transport "udp", as syslog stands for syslog+udp: add module "udp"`,
		},
		{"modules: [docker, tcp]\nroutes: ['tcp://a:1']", `m:2:10: route tcp://a:1 needs adapter "raw", as tcp stands for raw+tcp: add module "raw"`},
		{
			"routes: ['sylog+tcp://a:1']",
			`m:1:10: route sylog+tcp://a:1 needs adapter "sylog", and no module of the registry has it (adapters: kafka, raw, syslog, tcp, tls, udp, unix); did you mean "syslog"?`,
		},
		{
			"routes: ['multiline+raw+tcp://a:1', 'raw+quic://a:1']",
			`m:1:10: route multiline+raw+tcp://a:1 needs processor "multiline", and no module of the registry has it (processors: none); a module from elsewhere is added by its package path
m:1:37: route raw+quic://a:1 needs transport "quic", and no module of the registry has it (transports: tcp, tls, udp, unix); a module from elsewhere is added by its package path`,
		},
	} {
		m, err := Parse("m", []byte(row.manifest), reg)
		if err != nil {
			t.Errorf("%s: %v", row.manifest, err)
			continue
		}
		if _, err := m.Expand(reg); err == nil || err.Error() != row.want {
			t.Errorf("%s:\n%v\nwant\n%s", row.manifest, err, row.want)
		}
	}
}

func TestRouteFromTheEnvironmentAloneSaysNothingOfModules(t *testing.T) {
	reg := bundled(t)
	_, err := Parse("m", []byte("routes: [$LOGS, '${KIND}://a']"), reg)
	const want = `m:1:10: what this route needs is known only when the binary runs: name the modules under modules, such as [standard]
m:1:17: what this route needs is known only when the binary runs: name the modules under modules, such as [standard]`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	m, err := Parse("m", []byte("modules: [docker, raw]\nroutes: [$LOGS, '${KIND}://a']"), reg)
	if err != nil || modulesOf(t, m, reg) != "docker raw" {
		t.Errorf("%v", err)
	}
}

// What packages outside the registry register is known after they have been inspected, and so is whether a route lacks something.
func TestRoutesOfModulesFromElsewhereAreCheckedWhenThoseAreKnown(t *testing.T) {
	reg := bundled(t)
	m, err := Parse("m", []byte("modules: [docker, tcp, example.com/a]\nroutes: ['gelf+tcp://a', 'redact+mail://b', 'syslog+tcp://c', 'syslog://c']"), reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Expand(reg); err != nil {
		t.Errorf("before inspection: %v", err)
	}
	binary := map[string]string{"AdapterFactory gelf": "x", "AdapterFactory mail": "x", "Processor redact": "x", "AdapterFactory syslog": "x", "AdapterTransport tcp": "tcp"}
	has := func(point, name string) (string, bool) {
		pkg, ok := binary[point+" "+name]
		return pkg, ok
	}
	if err := m.CheckRoutes(reg, has); err != nil { // its own syslog needs no udp, for all that is known of it
		t.Error(err)
	}
	delete(binary, "Processor redact")
	delete(binary, "AdapterFactory gelf")
	const want = `m:2:10: route gelf+tcp://a needs adapter "gelf", and no module of the registry has it (adapters: kafka, raw, syslog, tcp, tls, udp, unix); a module from elsewhere is added by its package path
m:2:26: route redact+mail://b needs processor "redact", and no module of the registry has it (processors: none); a module from elsewhere is added by its package path`
	if err := m.CheckRoutes(reg, has); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestMalformedRouteIsNotServed(t *testing.T) {
	reg := bundled(t)
	for uri, want := range map[string]string{
		"logs.example.com:514":         "--for: route logs.example.com:514: no scheme: want adapter[+transport]://host:port[?option=value&...]",
		"raw://a:1,raw://b:1":          "--for: route raw://a:1,raw://b:1: two routes in one entry: write each as an entry of its own",
		"$LOGS":                        "--for: what this route needs is known only when the binary runs: name the modules under modules, such as [standard]",
		"raw+tcp://host name:hunter2@": "--for: route raw+tcp://: white space or a control character at byte 14: write it as %20",
	} {
		if err := Default().Serve(Route{uri, Pos{File: "--for"}}, reg); err == nil || err.Error() != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func TestEveryBundledExampleIsServedByItsModule(t *testing.T) {
	reg := bundled(t)
	for _, e := range reg.Entries() {
		if e.Transport != "" {
			if _, ok := reg.registering(extension{transportPoint, e.Transport}); !ok || len(e.Registers[adapterPoint]) == 0 {
				t.Errorf("%s: transport %q", e.Name, e.Transport)
			}
		}
		if e.Example == "" {
			continue
		}
		m := Default()
		if err := m.Serve(Route{URI: e.Example}, reg); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
		if got := modulesOf(t, m, reg); !slices.Contains(strings.Fields(got), e.Name) {
			t.Errorf("%s is served by %s, without %s", e.Example, got, e.Name)
		}
	}
}

func TestARouteIsServedUnderTheNameThatAModuleHasInTheBinary(t *testing.T) {
	m, err := Parse("m", []byte("modules: [{name: kafka, rename: {kafka: bus}}]\nroutes: ['bus://a:1/t', 'kafka://a:1/t']"), bundled(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Expand(bundled(t)); err == nil || strings.Contains(err.Error(), "route bus") || !strings.Contains(err.Error(), `route kafka://a:1/t needs adapter "kafka"`) {
		t.Error(err)
	}
}
