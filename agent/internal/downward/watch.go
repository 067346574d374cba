// Package downward watches the pod's own annotations in a downward-API volume: the only way into a running pod.
package downward

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// maxSize is above what Kubernetes allows for all annotations of an object.
const maxSize = 1 << 20

// Watch calls changed with the annotations of a folder's file `annotations`, at once and after each change, until the
// process ends. Without the folder (the volume is optional) it does nothing. The kubelet replaces the volume's content by
// renaming a link in the folder itself, so the folder is watched, not the file.
func Watch(folder string, changed func(annotations map[string]string)) error {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return err
	}
	const mask = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_CLOSE_WRITE
	if _, err := syscall.InotifyAddWatch(fd, folder, mask); err != nil {
		syscall.Close(fd)
		if err == syscall.ENOENT {
			return nil
		}
		return err
	}
	go func() {
		defer syscall.Close(fd)
		events := make([]byte, 64<<10)
		for {
			if annotations, err := read(folder + "/annotations"); err == nil {
				changed(annotations)
			}
			if n, err := syscall.Read(fd, events); err != syscall.EINTR && (err != nil || n <= 0) {
				return
			}
		}
	}()
	return nil
}

func read(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSize))
	if err != nil {
		return nil, err
	}
	return parse(string(text)), nil
}

// parse reads lines `key="value"` with Go's escapes, as the kubelet writes them. Other lines are left out.
func parse(text string) map[string]string {
	annotations := map[string]string{}
	for line := range strings.Lines(text) {
		key, quoted, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			continue
		}
		if plain, err := strconv.Unquote(quoted); err == nil {
			annotations[key] = plain
		}
	}
	return annotations
}
