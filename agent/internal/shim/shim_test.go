package shim

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

// The test binary is its own shim.
func TestMain(m *testing.M) {
	if root := os.Getenv("WAYBILL_TEST_SHIM"); root != "" {
		os.Unsetenv("WAYBILL_TEST_SHIM")
		os.Exit(Run(Under(root)))
	}
	os.Exit(m.Run())
}

// bench is a step container with a supervisor that the test plays.
type bench struct {
	t        *testing.T
	root     string
	listener *net.UnixListener
	conn     *net.UnixConn
	process  *exec.Cmd
	out, err output
}

// output is read while the process still writes.
type output struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.String()
}

func setUp(t *testing.T, env ...string) *bench {
	t.Helper()
	return setUpWith(t, func(process *exec.Cmd) { process.Env = append(process.Env, env...) })
}

func setUpWith(t *testing.T, change func(process *exec.Cmd)) *bench {
	t.Helper()
	root, err := os.MkdirTemp("", "wb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, folder := range []string{"waybill/run", "tekton/results", "tekton/scripts", "tekton/steps/step-s/results", "workspace"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// Some shims run as somebody else.
	open := exec.Command("chmod", "-R", "a+rwX", root)
	if out, err := open.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	b := &bench{t: t, root: root}
	b.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: Under(root).Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.listener.Close() })
	if err := os.Chmod(Under(root).Socket, 0o777); err != nil {
		t.Fatal(err)
	}
	b.process = exec.Command(os.Args[0])
	b.process.Env = append(os.Environ(), "WAYBILL_TEST_SHIM="+root)
	change(b.process)
	b.process.Stdout, b.process.Stderr = &b.out, &b.err
	b.process.WaitDelay = 5 * time.Second
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.process.Process.Kill() })
	b.conn, err = b.listener.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	b.conn.SetDeadline(time.Now().Add(20 * time.Second))
	var hello wire.Hello
	b.read(&hello)
	if hello.Protocol != wire.Protocol {
		t.Fatalf("protocol %d", hello.Protocol)
	}
	b.write(wire.Hello{Protocol: wire.Protocol})
	return b
}

func (b *bench) read(message any) {
	b.t.Helper()
	if err := wire.Read(b.conn, wire.MaxReport, message); err != nil {
		b.t.Fatalf("%v; %s", err, b.err.String())
	}
}

func (b *bench) write(message any) {
	b.t.Helper()
	if err := wire.Write(b.conn, wire.MaxOrder, message); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) order(exec wire.Exec) {
	b.t.Helper()
	exec.Step = "s"
	if exec.Limits == (wire.Limits{}) {
		exec.Limits = wire.Limits{Result: 4096, Total: 1 << 20}
	}
	b.write(wire.Order{Exec: &exec})
}

func (b *bench) started() {
	b.t.Helper()
	var report wire.Report
	b.read(&report)
	if report.Started == nil {
		b.t.Fatalf("not started: %+v", report.Exited)
	}
}

func (b *bench) exited() *wire.Exited {
	b.t.Helper()
	var report wire.Report
	b.read(&report)
	if report.Exited == nil {
		b.t.Fatal("no exit")
	}
	return report.Exited
}

// code is the container's exit code.
func (b *bench) code() int {
	b.t.Helper()
	err := b.process.Wait()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		b.t.Fatal(err)
	}
	return b.process.ProcessState.ExitCode()
}

func (b *bench) expect(exited *wire.Exited, cause wire.Cause, code, container int) {
	b.t.Helper()
	if exited.Cause != cause || exited.ExitCode != code {
		b.t.Errorf("exited %+v, want cause %s, code %d", *exited, cause, code)
	}
	if got := b.code(); got != container {
		b.t.Errorf("the container's exit code is %d, want %d; %s", got, container, b.err.String())
	}
}

func words(texts ...string) []wire.Word {
	all := []wire.Word{}
	for _, text := range texts {
		all = append(all, wire.Word{{Text: text}})
	}
	return all
}

func sh(script string) wire.Exec { return wire.Exec{Script: &script} }

func (b *bench) file(path string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.root, path))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func TestStandardStreamsAndExitCode(t *testing.T) {
	b := setUp(t)
	b.order(sh("printf out; printf err >&2; exit 3"))
	b.started()
	b.expect(b.exited(), wire.CauseExit, 3, 3)
	if b.out.String() != "out" || b.err.String() != "err" {
		t.Errorf("streams %q %q", b.out.String(), b.err.String())
	}
	if b.file("tekton/steps/step-s/exitCode") != "3" {
		t.Error("exitCode file")
	}
}

func TestScript(t *testing.T) {
	b := setUp(t)
	script := "false\necho not reached"
	b.order(wire.Exec{Script: &script})
	b.started()
	b.expect(b.exited(), wire.CauseExit, 1, 1)
	if got := b.file("tekton/scripts/script"); got != "#!/bin/sh\nset -e\n"+script {
		t.Errorf("script %q", got)
	}

	b = setUp(t)
	own := "#!/bin/cat\n$HOME $(FOO) $$ `x`\n"
	b.order(wire.Exec{Script: &own})
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
	if b.out.String() != own {
		t.Errorf("script as it was written: %q", b.out.String())
	}

	b = setUp(t)
	b.order(wire.Exec{Script: ptr(`printf '%s|' "$@"`), Argv: words("a b", "", "c")})
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
	if b.out.String() != "a b||c|" {
		t.Errorf("arguments %q", b.out.String())
	}

	b = setUp(t)
	b.order(wire.Exec{Script: ptr("#!/no/such/shell\n")})
	b.expect(b.exited(), wire.CauseStart, 127, 127)
}

func ptr(text string) *string { return &text }

func TestProgramIsLookedUp(t *testing.T) {
	for _, c := range []struct {
		name string
		argv []string
		code int
	}{
		{"not in PATH", []string{"no-such-program"}, 127},
		{"no such path", []string{"/no/such/program"}, 127},
		{"a folder", []string{"/"}, 126},
		{"not executable", []string{"/etc/passwd"}, 126},
		{"not executable in PATH", []string{"passwd-file"}, 126},
		{"empty", []string{""}, 127},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			os.WriteFile(folder+"/passwd-file", nil, 0o644)
			b := setUp(t, "PATH="+folder)
			b.order(wire.Exec{Argv: words(c.argv...), Continue: true})
			// Not continued: the program never ran.
			b.expect(b.exited(), wire.CauseStart, c.code, c.code)
			if !strings.HasPrefix(b.err.String(), "waybill: ") {
				t.Errorf("the log says nothing: %q", b.err.String())
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	b := setUp(t, "A=1", "B=old")
	b.order(wire.Exec{
		Argv: []wire.Word{{{Text: "sh"}}, {{Text: "-c"}}, {{Text: `printf '%s' "$A $B $C $0"`}}, {{Text: "x"}, {Env: "C"}, {Text: " "}, {Env: "NONE"}}},
		Env:  []wire.Variable{{Name: "B", Value: wire.Word{{Text: "$(A) $A"}}}, {Name: "C", Value: wire.Word{{Env: "A"}, {Text: "c"}}}},
	})
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
	if got := b.out.String(); got != "1 $(A) $A 1c x1c $(NONE)" {
		t.Errorf("%q", got)
	}
}

func TestWorkingDirectory(t *testing.T) {
	b := setUp(t)
	b.order(wire.Exec{Argv: words("pwd", "-P"), Dir: ptr("a/b")})
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
	if !strings.HasSuffix(strings.TrimSpace(b.out.String()), "/workspace/a/b") {
		t.Errorf("%q", b.out.String())
	}
	b = setUp(t)
	b.order(wire.Exec{Argv: words("pwd", "-P"), Dir: ptr(b.root + "/not/in/the/image")})
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
	b = setUp(t)
	b.order(wire.Exec{Argv: words("pwd"), Dir: ptr("/dev/null/folder")})
	b.expect(b.exited(), wire.CauseStart, 126, 126)
}

func TestSignals(t *testing.T) {
	b := setUp(t)
	b.order(sh("kill -KILL $$"))
	b.started()
	exited := b.exited()
	if exited.Signal != 9 {
		t.Errorf("signal %d", exited.Signal)
	}
	b.expect(exited, wire.CauseExit, 137, 137)

	b = setUp(t)
	// The child in the same group gets it too.
	b.order(sh(`trap 'echo got; wait; exit 5' TERM; sh -c 'trap "echo child; exit 0" TERM; echo ready >&2; while :; do sleep 0.01; done' & while :; do sleep 0.01; done`))
	b.started()
	b.until("ready")
	b.process.Process.Signal(syscall.SIGTERM)
	b.expect(b.exited(), wire.CauseExit, 5, 5)
	if out := b.out.String(); !strings.Contains(out, "got") || !strings.Contains(out, "child") {
		t.Errorf("%q", out)
	}

	b = setUp(t)
	b.process.Process.Signal(syscall.SIGTERM)
	if got := b.code(); got != 143 {
		t.Errorf("waiting, then SIGTERM: %d", got)
	}
}

// until waits until the step has said a word on standard error.
func (b *bench) until(word string) {
	b.t.Helper()
	for range 1000 {
		if strings.Contains(b.err.String(), word) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.t.Fatalf("never said %q", word)
}

func TestTimeoutKillsTheGroup(t *testing.T) {
	b := setUp(t)
	order := sh("trap '' TERM; sleep 60 & sleep 60")
	order.Timeout, order.Continue = 100, true
	b.order(order)
	b.started()
	b.expect(b.exited(), wire.CauseTimeout, 1, 1)
}

func TestKill(t *testing.T) {
	b := setUp(t)
	b.order(sh("sleep 60"))
	b.started()
	b.write(wire.Order{Kill: &wire.Kill{ExitCode: 9}})
	b.expect(b.exited(), wire.CauseKill, 9, 9)

	b = setUp(t)
	b.write(wire.Order{Skip: &wire.Skip{ExitCode: 1}})
	if got := b.code(); got != 1 {
		t.Errorf("skip: %d", got)
	}
}

func TestLostSupervisor(t *testing.T) {
	b := setUp(t)
	b.order(sh("echo $$ > " + filepath.Join(b.root, "pid") + "; sleep 60"))
	b.started()
	b.conn.Close()
	if got := b.code(); got != 125 {
		t.Errorf("exit code %d", got)
	}

	b = setUp(t)
	b.conn.Close()
	if got := b.code(); got != 125 {
		t.Errorf("waiting: exit code %d", got)
	}
}

func TestBackgroundChildDoesNotOutliveTheStep(t *testing.T) {
	b := setUp(t)
	b.order(sh("sleep 300 & echo $!; exit 0"))
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
	// It has been killed by now; the kernel may still be at it.
	for range 200 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(b.out.String()) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it lives")
}

func TestZombiesAreReaped(t *testing.T) {
	b := setUp(t)
	// Orphans whose parent ended first: they become the shim's children.
	b.order(sh(`for i in 1 2 3 4 5; do (sh -c 'exit 0' & echo $! >> "` + b.root + `/pids"); done
for try in $(seq 500); do
  alive=; for p in $(cat "` + b.root + `/pids"); do [ -e /proc/$p ] && alive=yes; done
  [ -z "$alive" ] && exit 0; sleep 0.01
done
exit 1`))
	b.started()
	b.expect(b.exited(), wire.CauseExit, 0, 0)
}

func TestOnErrorContinue(t *testing.T) {
	b := setUp(t)
	order := sh("exit 7")
	order.Continue = true
	b.order(order)
	b.started()
	b.expect(b.exited(), wire.CauseExit, 7, 0)
}

func TestResults(t *testing.T) {
	b := setUp(t)
	results := b.root + "/tekton/results/"
	order := sh(`printf 'a\n' > ` + results + `text
printf '["x","y"]' > ` + results + `list
printf '{"k":"v"}' > ` + results + `map
touch ` + results + `empty
printf 1 > ` + b.root + `/tekton/steps/step-s/results/own
exit 4`)
	order.TaskResults = []wire.Result{{Name: "text", Type: value.String}, {Name: "list", Type: value.Array}, {Name: "map", Type: value.Object}, {Name: "absent", Type: value.String}, {Name: "empty", Type: value.String}}
	order.StepResults = []wire.Result{{Name: "own", Type: value.String}}
	b.order(order)
	b.started()
	exited := b.exited()
	b.expect(exited, wire.CauseExit, 4, 4)
	if want := [][]byte{[]byte("a\n"), []byte(`["x","y"]`), []byte(`{"k":"v"}`), nil, {}}; !reflect.DeepEqual(exited.TaskResults, want) {
		t.Errorf("%q", exited.TaskResults)
	}
	if want := [][]byte{[]byte("1")}; !reflect.DeepEqual(exited.StepResults, want) {
		t.Errorf("%q", exited.StepResults)
	}
}

func TestResultsThatCannotBeTaken(t *testing.T) {
	for _, c := range []struct {
		name, script string
		kind         value.Type
		cause        wire.Cause
	}{
		{"a link", "ln -s /etc/passwd R", value.String, wire.CauseResults},
		{"a FIFO", "mkfifo R", value.String, wire.CauseResults},
		{"a folder", "mkdir R", value.String, wire.CauseResults},
		{"an array that is not UTF-8", `printf '["\377"]' > R`, value.Array, wire.CauseResults},
		{"no array", `printf '{}' > R`, value.Array, wire.CauseResults},
		{"array of numbers", `printf '[1]' > R`, value.Array, wire.CauseResults},
		{"null", `printf 'null' > R`, value.Object, wire.CauseResults},
		{"too large", `printf '%05000d' 1 > R`, value.String, wire.CauseTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := setUp(t)
			order := sh(strings.ReplaceAll(c.script, "R", b.root+"/tekton/results/r"))
			order.Continue = true
			order.TaskResults = []wire.Result{{Name: "r", Type: c.kind}}
			b.order(order)
			b.started()
			exited := b.exited()
			if len(exited.TaskResults) != 1 || exited.TaskResults[0] != nil {
				t.Errorf("%q", exited.TaskResults)
			}
			b.expect(exited, c.cause, 1, 1)
		})
	}
}

func TestAllResultsTogetherAreLimited(t *testing.T) {
	b := setUp(t)
	results := b.root + "/tekton/results/"
	order := sh("printf 12345 > " + results + "a; printf 12345 > " + results + "b")
	order.TaskResults = []wire.Result{{Name: "a", Type: value.String}, {Name: "b", Type: value.String}}
	order.Limits = wire.Limits{Result: 100, Total: 8}
	b.order(order)
	b.started()
	b.expect(b.exited(), wire.CauseTooLarge, 1, 1)
}

func TestProtocolMismatch(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(root+"/waybill/run", 0o777)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: Under(root).Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.AcceptUnix()
		if err == nil {
			wire.Write(conn, wire.MaxHello, wire.Hello{Protocol: 2})
		}
	}()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), "WAYBILL_TEST_SHIM="+root)
	process.Run()
	if process.ProcessState.ExitCode() != 125 {
		t.Errorf("exit code %d", process.ProcessState.ExitCode())
	}
}
