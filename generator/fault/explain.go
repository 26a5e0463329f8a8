package fault

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gliderlabs/logspout-builder/generator/manifest"
)

// conflict is how the go command says that two versions do not go together.
var conflict = regexp.MustCompile(`(?m)^go: (\S+) (?:\(.*\) )?requires (\S+)@(\S+), (?:but \S+ is requested|not \S+)`)

// otherPath is how the go command says that a module was asked for by another path than its own.
var otherPath = regexp.MustCompile(`module declares its path as: (\S+)\s+but was required as: (\S+)`)

// Mismatch is how the go command says that a module's content is not what its checksum says: its path and version.
var Mismatch = regexp.MustCompile(`(?m)^\s*(?:.*: )?verifying (\S+)@(\S+?)(?:/go\.mod)?: checksum mismatch`)

const (
	nextVersion = "look at the module's tags, or leave the version out for the latest"
	nextPrivate = "if it is private, set GOPRIVATE for it and let git authenticate (https://go.dev/ref/mod#private-modules)"
)

// Explain says in a line what the go command's stderr means, and what to do about it; both are "" for what it says best itself.
func Explain(stderr string) (reason, next string) {
	if m := conflict.FindStringSubmatch(stderr); m != nil {
		if m[2] == manifest.CorePath {
			return fmt.Sprintf("%s needs the core at %s, and this builder carries an older one", m[1], m[3]), "use a newer logspout-builder, or an older version of the module"
		}
		return fmt.Sprintf("the versions asked for cannot be had together: %s needs %s at %s", m[1], m[2], m[3]),
			fmt.Sprintf("ask for %s@%s or newer, or for an older version of %s", m[2], m[3], m[1])
	}
	if m := otherPath.FindStringSubmatch(stderr); m != nil {
		return "it calls itself " + m[1], fmt.Sprintf("name it %s, or take it under replace: {%s: %s@VERSION}", m[1], m[2], m[1])
	}
	if m := Mismatch.FindStringSubmatch(stderr); m != nil {
		return fmt.Sprintf("the content of %s %s is not what its checksum says", m[1], m[2]), "do not use it before you know who changed it"
	}
	for _, e := range []struct{ says, reason, next string }{
		{"refusing to pass credentials to insecure URL", "the password in GOPROXY would travel unencrypted", "take an https:// address, or keep the password in a netrc file"},
		{"invalid proxy URL", "GOPROXY has an address that cannot be used", "want https://host/path, file:///path, direct or off, with commas between (go help goproxy)"},
		{"is not a secure URL", "the address of the proxy is not encrypted", "take an https:// address"},
		{"checksum database disabled by GOSUMDB=off", "its checksum is not known, and GOSUMDB=off forbids to ask for it", "set GOSUMDB, or lock it where it can be asked for"},
		{"but does not contain package", "the module has no such package", "check the package's path, and that this version of the module has it"},
		{"checksum mismatch", "the module's content is not what its checksum says", "do not use it before you know who changed it"},
		{"terminal prompts disabled", "no access to the module's repository", nextPrivate},
		{"could not read Username", "no access to the module's repository", nextPrivate},
		{"401 Unauthorized", "no access to the module", nextPrivate},
		{"403 Forbidden", "no access to the module", "check its path and version; " + nextPrivate},
		{"module lookup disabled by GOPROXY=off", "it is not in the module cache, and GOPROXY=off forbids to fetch it", "build once with a proxy, or set GOPROXY"},
		{"unknown revision", "there is no such version", nextVersion},
		{"no matching versions for query", "there is no such version", nextVersion},
		{"invalid version", "there is no such version", nextVersion},
		{"requires go >=", "it needs a newer Go", "install that Go, or set GOTOOLCHAIN=auto"},
		{"proxyconnect tcp", "the HTTP proxy cannot be reached", "check HTTP_PROXY, HTTPS_PROXY and the network"},
		{"dial tcp", "the module proxy cannot be reached", "check the network, GOPROXY and HTTPS_PROXY"},
		{"404 Not Found", "there is no such module, or no such version of it", "check its path and version; " + nextPrivate},
		{"410 Gone", "there is no such module, or no such version of it", "check its path and version; " + nextPrivate},
		{"no required module provides package", "there is no such package", "check its path"},
		{"cannot find module providing package", "there is no such package", "check its path"},
		{"unrecognized import path", "there is no such module", "check its path"},
		{"/link: ", "the linker refused it", "look at build.ldflags of the manifest"},
		{"no space left on device", "the disk is full", "make room, or let GOCACHE, GOMODCACHE, TMPDIR and LOGSPOUT_BUILDER_CACHE point elsewhere"},
	} {
		if strings.Contains(stderr, e.says) {
			return e.reason, e.next
		}
	}
	return "", ""
}
