// Command shim runs one step of a task. In a pod it takes no arguments; tests name a root folder.
package main

import (
	"os"

	"waybill.dev/agent/internal/shim"
)

func main() {
	root := "/"
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	os.Exit(shim.Run(shim.Under(root)))
}
