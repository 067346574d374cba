package threads

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// The test binary runs itself as another user, who may have no further thread once it has settled.
func TestMain(m *testing.M) {
	if os.Getenv("WAYBILL_TEST_THREADS") != "" {
		os.Exit(crowded())
	}
	os.Exit(m.Run())
}

// crowded blocks as many threads as the agent's programs do while no further one can be made.
func crowded() int {
	if err := Settle(4); err != nil {
		os.Stderr.WriteString(err.Error())
		return 2
	}
	const rlimitNproc = 6
	if err := syscall.Setrlimit(rlimitNproc, &syscall.Rlimit{Cur: 1, Max: 1}); err != nil {
		return 2
	}
	if err := fill(4); err != nil {
		return 2
	}
	if err := exec.Command("/proc/self/exe").Start(); err == nil {
		return 3 // There is no limit here, and nothing was shown.
	}
	return 0
}

func TestNoThreadIsMadeAfterwards(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: it starts a program as a user that runs nothing else")
	}
	for range 20 {
		process := exec.Command("/proc/self/exe")
		process.Env = append(os.Environ(), "WAYBILL_TEST_THREADS=1")
		process.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 64321, Gid: 64321}}
		if out, err := process.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}
