// Package silent registers nothing.
package silent
