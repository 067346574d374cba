package shim

import (
	"os"
	"syscall"
)

// oPath opens a folder only to go on from it: no right to list it is needed. The syscall package lacks the name.
const oPath = 0x200000

// folder is an open folder that earlier steps of the task may have written in. Whoever goes through it follows no link:
// one would lead the shim to files that this step can see and the earlier one cannot.
type folder struct{ fd int }

// enter goes from a mount point, which no step can replace, down into a folder.
func enter(mount string, below ...string) (folder, error) {
	fd, err := openAt(atCwd, mount, oPath|syscall.O_DIRECTORY, 0)
	if err != nil {
		return folder{}, err
	}
	for _, name := range below {
		next, err := openAt(fd, name, oPath|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
		syscall.Close(fd)
		if err != nil {
			return folder{}, err
		}
		fd = next
	}
	return folder{fd}, nil
}

const atCwd = -0x64

func openAt(fd int, name string, flags int, mode uint32) (opened int, err error) {
	err = retry(func() error { opened, err = syscall.Openat(fd, name, flags|syscall.O_CLOEXEC, mode); return err })
	return opened, err
}

func (f folder) close() { syscall.Close(f.fd) }

// open opens a file for reading, without waiting for it: a FIFO has no end.
func (f folder) open(name string) (*os.File, error) {
	fd, err := openAt(f.fd, name, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// replace writes a new file in the place of whatever is there.
func (f folder) replace(name, text string, mode uint32) error {
	if err := syscall.Unlinkat(f.fd, name); err != nil && err != syscall.ENOENT {
		return err
	}
	fd, err := openAt(f.fd, name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_NOFOLLOW, mode)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	// Not left to the umask: other users of the task must be able to read or run it.
	return file.Chmod(os.FileMode(mode))
}
