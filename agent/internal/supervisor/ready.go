package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// announce opens the ready FIFO for writing, which lets AwaitReady's open return. It never waits for a reader.
func announce(path string) (*os.File, error) {
	if err := fifo(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

// AwaitReady is the postStart hook: it puts the shim where the steps find it and returns when the supervisor listens on
// all sockets, or after the limit with an error. The kernel wakes it: opening a FIFO for reading waits for its writer.
func AwaitReady(paths Paths, limit time.Duration) error {
	if err := install(paths.ShimSource(), paths.ShimTarget()); err != nil {
		return fmt.Errorf("installing the shim: %w", err)
	}
	if err := fifo(paths.Ready()); err != nil {
		return err
	}
	opened := make(chan error, 1)
	go func() {
		file, err := os.OpenFile(paths.Ready(), os.O_RDONLY, 0)
		if err == nil {
			file.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		return err
	case <-time.After(limit):
		return fmt.Errorf("the supervisor is not ready after %s", limit)
	}
}

// fifo makes the FIFO unless the other side has made it already.
func fifo(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("mkfifo %s: %w", path, err)
	}
	return nil
}

// install copies a program under another name first: whoever sees the target sees all of it.
func install(source, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	part := target + ".part"
	to, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		return err
	}
	if err := errors.Join(to.Chmod(0o755), to.Close()); err != nil {
		return err
	}
	return os.Rename(part, target)
}
