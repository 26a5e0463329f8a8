module example.com/logspout-webhook

go 1.26.0

require github.com/gliderlabs/logspout-builder v0.0.0-00010101000000-000000000000

// Only in this repository: elsewhere `go get github.com/gliderlabs/logspout-builder` gives the version.
replace github.com/gliderlabs/logspout-builder => ../..
