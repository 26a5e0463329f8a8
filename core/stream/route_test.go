package stream

import "testing"

func TestAddressIsHostAndPort(t *testing.T) {
	for address, ok := range map[string]bool{
		"h:1": true, "10.0.0.1:65535": true, "[::1]:514": true, "h:https": true,
		"": false, "h": false, "h:": false, ":514": false, "h:0": false, "h:65536": false, "h:-1": false, "h:1#x": false, "h:no-such-service": false, "::1:514": false,
	} {
		if err := CheckHostPort("tcp", address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
