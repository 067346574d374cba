// Package downward watches the pod's own annotations in a downward-API volume: the only way into a running pod.
package downward

import (
	"errors"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxSize is above what Kubernetes allows for all annotations of an object.
const maxSize = 1 << 20

// pollEvery is how often the file is read where the node has no inotify left.
const pollEvery = time.Second

// Watch calls changed with the annotations of a folder's file `annotations`, at once and after each change, until the
// process ends. Without the folder (the volume is optional) it does nothing. A node allows each user so many inotify
// instances and watches (fs.inotify.max_user_instances, max_user_watches), and all supervisors on it are one user: where
// none is left, the file is read once a second.
func Watch(folder string, changed func(annotations map[string]string)) error {
	if _, err := os.Stat(folder); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	fd, err := notify(folder)
	if err != nil {
		go poll(folder, changed, pollEvery)
		return nil
	}
	go func() {
		defer syscall.Close(fd)
		events := make([]byte, 64<<10)
		for {
			if annotations, err := read(folder + "/annotations"); err == nil {
				changed(annotations)
			}
			if n, err := syscall.Read(fd, events); err != syscall.EINTR && (err != nil || n <= 0) {
				poll(folder, changed, pollEvery)
			}
		}
	}()
	return nil
}

// notify watches the folder, not the file: the kubelet replaces the volume's content by renaming a link in it.
func notify(folder string) (int, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	const mask = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_CLOSE_WRITE
	if _, err := syscall.InotifyAddWatch(fd, folder, mask); err != nil {
		syscall.Close(fd)
		return 0, err
	}
	return fd, nil
}

// poll never returns.
func poll(folder string, changed func(annotations map[string]string), every time.Duration) {
	var last map[string]string
	for ; ; time.Sleep(every) {
		if annotations, err := read(folder + "/annotations"); err == nil && (last == nil || !maps.Equal(annotations, last)) {
			last = annotations
			changed(annotations)
		}
	}
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
