package shim

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

// asInit starts the shim as PID 1 of a process namespace, as a container does.
func asInit(t *testing.T) *bench {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it makes a process namespace")
	}
	return setUpWith(t, func(process *exec.Cmd) {
		process.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	})
}

// lives says whether a process that writes its name into a file every 10 ms still does.
func (b *bench) lives(name string) bool {
	before, _ := os.Stat(b.root + "/" + name)
	for range 50 {
		time.Sleep(10 * time.Millisecond)
		if now, err := os.Stat(b.root + "/" + name); err == nil && (before == nil || now.Size() > before.Size()) {
			return true
		}
	}
	return false
}

// beating is a daemon in a session of its own.
func (b *bench) beating(name string) string {
	return `setsid sh -c 'trap "" TERM HUP INT; while :; do echo >> "` + b.root + `/` + name + `"; sleep 0.01; done' &
until [ -s "` + b.root + `/` + name + `" ]; do sleep 0.01; done
`
}

func TestDaemonsEndBeforeResultsAreRead(t *testing.T) {
	b := asInit(t)
	result := b.root + "/tekton/results/r"
	order := sh(`setsid sh -c 'while :; do echo; done >> "` + result + `"' &
until [ -s "` + result + `" ]; do sleep 0.01; done`)
	order.TaskResults = []wire.Result{{Name: "r", Type: value.String}}
	order.Limits = wire.Limits{Result: 1 << 22, Total: 1 << 22}
	b.order(order)
	b.started()
	exited := b.exited()
	b.expect(exited, wire.CauseExit, 0, 0)
	if got := b.file("tekton/results/r"); len(exited.TaskResults[0]) != len(got) {
		t.Errorf("%d bytes were read, and there are %d", len(exited.TaskResults[0]), len(got))
	}
}

func TestTheParentCannotBeKilled(t *testing.T) {
	b := asInit(t)
	// TERM and its like would be forwarded to the step.
	b.order(sh("for s in 4 5 6 7 8 9 11 13 14 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31; do kill -$s 1; done; sleep 60 & kill -9 -1; exit 3"))
	b.started()
	b.expect(b.exited(), wire.CauseExit, 3, 3)
}

func TestClosedDescriptors(t *testing.T) {
	b := asInit(t)
	b.order(sh("exec 0<&- 1>&- 2>&- 3>&- 4>&- 5>&- 6>&- 7>&-; exit 4"))
	b.started()
	b.expect(b.exited(), wire.CauseExit, 4, 4)
}

func TestAKilledStepThatLivesOn(t *testing.T) {
	b := asInit(t)
	// A leader that is dead while its group lives on, in another session, holding standard output.
	order := sh(b.beating("daemon") + "sleep 60")
	order.Timeout = 200
	b.order(order)
	b.started()
	b.expect(b.exited(), wire.CauseTimeout, 1, 1)
	if b.lives("daemon") {
		t.Error("it lives")
	}
}

// The shim's memory, descriptors and connection are closed to a process of the same user.
func TestTheShimCannotBeTraced(t *testing.T) {
	b := asUser(t)
	b.order(sh(`ls /proc/$PPID/fd && exit 11
cat /proc/$PPID/environ && exit 12
dd if=/proc/$PPID/mem bs=1 count=1 && exit 13
readlink /proc/$PPID/exe && exit 14
exit 0`))
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
}

// asUser starts the shim as somebody without capabilities: root may look into everything.
func asUser(t *testing.T) *bench {
	t.Helper()
	if os.Getuid() != 0 {
		return setUp(t)
	}
	folder, err := os.MkdirTemp("", "wb-shim")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	os.Chmod(folder, 0o755)
	program := folder + "/shim"
	text, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(program, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return setUpWith(t, func(process *exec.Cmd) {
		process.Path = program
		process.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 64322, Gid: 64322}}
	})
}

// An earlier step may put links where a later one's shim reads and writes.
func TestLinksOfAnEarlierStepAreNotFollowed(t *testing.T) {
	for _, c := range []struct{ name, at, target string }{
		{"in place of the step's folder", "tekton/steps/step-s", "secret"},
		{"in place of the results", "tekton/steps/step-s/results", "secret/results"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := setUp(t)
			os.MkdirAll(b.root+"/secret/results", 0o755)
			os.WriteFile(b.root+"/secret/results/token", []byte("hidden"), 0o644)
			os.RemoveAll(b.root + "/" + c.at)
			if err := os.Symlink(b.root+"/"+c.target, b.root+"/"+c.at); err != nil {
				t.Fatal(err)
			}
			order := sh("exit 0")
			order.StepResults = []wire.Result{{Name: "token", Type: value.String}}
			b.order(order)
			b.started()
			exited := b.exited()
			if !reflect.DeepEqual(exited.StepResults, [][]byte{nil}) {
				t.Errorf("%q", exited.StepResults)
			}
			b.expect(exited, wire.CauseResults, 1, 1)
			if _, err := os.Stat(b.root + "/secret/exitCode"); err == nil {
				t.Error("the exit code was written behind the link")
			}
		})
	}
}

func TestWhatStandsInTheWayOfTheScript(t *testing.T) {
	for name, make := range map[string]string{
		"a link":   `ln -s "$R/victim" "$R/tekton/scripts/script"`,
		"a FIFO":   `mkfifo "$R/tekton/scripts/script"`,
		"a folder": `mkdir "$R/tekton/scripts/script"`,
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			os.WriteFile(b.root+"/victim", []byte("untouched"), 0o755)
			prepare := exec.Command("sh", "-c", make)
			prepare.Env = append(os.Environ(), "R="+b.root)
			if out, err := prepare.CombinedOutput(); err != nil {
				t.Fatal(string(out))
			}
			b.order(sh("exit 5"))
			if name == "a folder" {
				b.expect(b.exited(), wire.CauseStart, 126, 126)
			} else {
				b.started()
				b.expect(b.exited(), wire.CauseExit, 5, 5)
			}
			if b.file("victim") != "untouched" {
				t.Error("written through the link")
			}
		})
	}
}

// Names and contents that break lines, terminals and paths stay what they are: bytes of a result, or files that nobody reads.
func TestHostileNamesAndValues(t *testing.T) {
	b := setUp(t)
	long := strings.Repeat("n", 255)
	order := sh(`cd "` + b.root + `/tekton/results"
touch ` + long + ` "$(printf 'a\nb')" "$(printf '\033[2J')" -- -rf
printf '\033]0;title\007\033[2J\r\n{"seq":1}\n\000' > r`)
	order.TaskResults = []wire.Result{{Name: "r", Type: value.String}}
	b.order(order)
	b.started()
	exited := b.exited()
	if got := string(exited.TaskResults[0]); got != "\033]0;title\007\033[2J\r\n{\"seq\":1}\n\000" {
		t.Errorf("%q", got)
	}
	b.expect(exited, wire.CauseExit, 0, 0)
}
