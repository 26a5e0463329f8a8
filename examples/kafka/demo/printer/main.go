// Command printer is what the demo's containers run: printer NAME LINES prints numbered lines, every fifth on standard error.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	name, lines := os.Args[1], os.Args[2]
	n, _ := strconv.Atoi(lines)
	time.Sleep(500 * time.Millisecond) // as a service that takes a moment to start
	for i := 1; i <= n; i++ {
		out := os.Stdout
		if i%5 == 0 {
			out = os.Stderr
		}
		_, _ = fmt.Fprintf(out, "line %d of %d from %s\n", i, n, name)
	}
}
