// Command attack tries what a step must not be able to do, and says `GOT …` for each that it could. Its verbs:
//
//	shim    reach into the first process of its container: memory, descriptors, the connection to the supervisor
//	mounts  get out of its mounts: by file handles, by making them writable, by the node's disk
//	linger  become root where the file is setuid, and stay, whatever signals come
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// call are numbers of system calls that the syscall package lacks.
var call = map[string]map[string]uintptr{
	"amd64": {"pidfd_open": 434, "pidfd_getfd": 438, "process_vm_readv": 310, "open_by_handle_at": 304},
	"arm64": {"pidfd_open": 434, "pidfd_getfd": 438, "process_vm_readv": 270, "open_by_handle_at": 265},
}[runtime.GOARCH]

func main() {
	switch os.Args[1] {
	case "shim":
		shim()
	case "mounts":
		mounts()
	case "linger":
		linger()
	default:
		panic(os.Args[1])
	}
}

func got(what string) { fmt.Println("GOT", what) }

func shim() {
	const seize = 0x4206
	if _, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, seize, 1, 0, 0, 0, 0); errno == 0 {
		got("a trace of the shim")
	}
	if fd, _, errno := syscall.Syscall(call["pidfd_open"], 1, 0, 0); errno == 0 {
		for target := range uintptr(16) {
			if _, _, errno := syscall.Syscall(call["pidfd_getfd"], fd, target, 0); errno == 0 {
				got(fmt.Sprint("descriptor ", target, " of the shim"))
			}
		}
	}
	for _, name := range []string{"mem", "environ", "maps", "auxv"} {
		if file, err := os.Open("/proc/1/" + name); err == nil {
			buffer := make([]byte, 64)
			if n, err := file.Read(buffer); n > 0 || name == "mem" && err == nil {
				got("/proc/1/" + name)
			}
		}
	}
	if _, err := os.Readlink("/proc/1/exe"); err == nil {
		got("/proc/1/exe")
	}
	for fd := range 16 {
		if file, err := os.OpenFile(fmt.Sprintf("/proc/1/fd/%d", fd), os.O_RDWR, 0); err == nil {
			got(file.Name())
		}
	}
	// Any address will do: without the right to read, the error is another one.
	var here [8]byte
	local := [2]uintptr{uintptr(unsafe.Pointer(&here)), 8}
	remote := [2]uintptr{0x400000, 8}
	_, _, errno := syscall.Syscall6(call["process_vm_readv"], 1, uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno == 0 || errno == syscall.EFAULT {
		got("the memory of the shim")
	}
}

func mounts() {
	for _, mount := range []string{"/waybill/bin", "/waybill/run", "/tekton/steps"} {
		const bindRemount = syscall.MS_BIND | syscall.MS_REMOUNT
		if err := syscall.Mount("", mount, "", bindRemount, ""); err == nil {
			got("a writable " + mount)
		}
		if err := syscall.Unmount(mount, syscall.MNT_DETACH); err == nil {
			got("rid of " + mount)
		}
	}
	for _, mount := range []string{"/tekton/results", "/workspace", "/waybill/run"} {
		folder, err := os.Open(mount)
		if err != nil {
			continue
		}
		// A file handle of the root of ext4: inode 2, any generation.
		handle := make([]byte, 16)
		binary.NativeEndian.PutUint32(handle, 8)
		binary.NativeEndian.PutUint32(handle[4:], 1)
		binary.NativeEndian.PutUint32(handle[8:], 2)
		if _, _, errno := syscall.Syscall(call["open_by_handle_at"], folder.Fd(), uintptr(unsafe.Pointer(&handle[0])), syscall.O_RDONLY); errno == 0 {
			got("the node's disk by a handle from " + mount)
		}
	}
	for _, device := range disks() {
		node := "/tmp/disk"
		_ = os.Remove(node)
		if err := syscall.Mknod(node, syscall.S_IFBLK|0o600, device); err != nil {
			continue
		}
		if file, err := os.Open(node); err == nil {
			file.Close()
			got(fmt.Sprint("the node's disk as device ", device))
		}
	}
}

// disks are the devices below the container's mounts.
func disks() []int {
	all := []int{}
	for _, mount := range []string{"/tekton/results", "/waybill/bin", "/"} {
		var stat syscall.Stat_t
		if err := syscall.Stat(mount, &stat); err == nil {
			all = append(all, int(stat.Dev))
		}
	}
	return all
}

func linger() {
	if err := syscall.Setreuid(0, 0); err != nil {
		fmt.Println("still", os.Getuid(), err)
		os.Exit(9)
	}
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	fmt.Println("lingering as", os.Getuid())
	time.Sleep(time.Hour)
}
