// Package wire is the protocol between supervisor and shim, version 1: frames of a four-byte big-endian length and one
// JSON value. Each side sends Hello first. The supervisor then sends at most one Exec or Skip, and may send Kill after
// Exec; the shim answers Exec with Started (unless the program cannot start) and Exited.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"

	"waybill.dev/agent/internal/value"
)

// Protocol is the version in both Hellos; they must be equal.
const Protocol = 1

// The longest JSON of a frame in bytes, by what it may be.
const (
	// MaxHello: a version, and no more.
	MaxHello = 256
	// MaxOrder: 4 MiB of text where each byte becomes a six-byte escape, and room.
	MaxOrder = 32 << 20
	// MaxReport: 4 MiB of results in base64, and room. A shim may lie: this much of it each step can make the supervisor hold.
	MaxReport = 6 << 20
)

// ErrTooLarge says that a frame is beyond its limit.
var ErrTooLarge = errors.New("frame is larger than the protocol allows")

// Hello is the first frame of each side.
type Hello struct {
	Protocol int `json:"protocol"`
}

// Order is what the supervisor sends: exactly one field is set.
type Order struct {
	Exec *Exec `json:"exec,omitempty"`
	Skip *Skip `json:"skip,omitempty"`
	Kill *Kill `json:"kill,omitempty"`
}

// Exec starts the step.
type Exec struct {
	// Step names the folder /tekton/steps/step-NAME.
	Step string `json:"step"`
	// Script, where not null, is written to a file that is run with Argv as its arguments.
	Script *string `json:"script,omitempty"`
	Argv   []Word  `json:"argv"`
	// Env overlays the container's environment.
	Env []Variable `json:"env,omitempty"`
	// Dir is absolute or relative to /workspace; null leaves the container's own.
	Dir *string `json:"dir,omitempty"`
	// Timeout in milliseconds from the program's start; 0 = none.
	Timeout int64 `json:"timeout,omitempty"`
	// Continue: the container ends with 0 whatever the program's exit code is.
	Continue    bool     `json:"continue,omitempty"`
	StepResults []Result `json:"stepResults,omitempty"`
	TaskResults []Result `json:"taskResults,omitempty"`
	Limits      Limits   `json:"limits"`
}

// Word is one argument or value: parts to be joined.
type Word []Part

// Part is a literal, or, with Env set, the value of a variable of the step's environment: `$(NAME)` where it has none.
type Part struct {
	Text string `json:"text,omitempty"`
	Env  string `json:"env,omitempty"`
}

// Variable is an entry of the environment.
type Variable struct {
	Name  string `json:"name"`
	Value Word   `json:"value"`
}

// Result is a file to read after the program ended.
type Result struct {
	Name string     `json:"name"`
	Type value.Type `json:"type"`
}

// Limits are in bytes: of one result file, and of all that one step hands over.
type Limits struct {
	Result int64 `json:"result"`
	Total  int64 `json:"total"`
}

// Skip ends the shim with ExitCode; nothing is run.
type Skip struct {
	ExitCode int `json:"exitCode"`
}

// Kill ends the step's process group with SIGKILL, and the shim with ExitCode.
type Kill struct {
	ExitCode int `json:"exitCode"`
}

// Report is what the shim sends: exactly one field is set.
type Report struct {
	Started *Started `json:"started,omitempty"`
	Exited  *Exited  `json:"exited,omitempty"`
}

// Started says that the step's program runs.
type Started struct {
	Pid int `json:"pid"`
}

// Cause says why a step ended.
type Cause string

const (
	// CauseExit: the program ended by itself; ExitCode is its own (128 + n for a signal).
	CauseExit Cause = "exit"
	// CauseStart: the program could not be started; ExitCode is 126 or 127.
	CauseStart Cause = "start"
	// CauseTimeout: the step's own timeout; ExitCode is 1.
	CauseTimeout Cause = "timeout"
	// CauseKill: the supervisor's Kill; ExitCode is the one of the order.
	CauseKill Cause = "kill"
	// CauseResults: the program ended well, but a result cannot be taken; ExitCode is 1.
	CauseResults Cause = "results"
	// CauseTooLarge: as CauseResults, for a result beyond its limit.
	CauseTooLarge Cause = "tooLarge"
)

// Exited is the last frame of a shim.
type Exited struct {
	Cause    Cause `json:"cause"`
	ExitCode int   `json:"exitCode"`
	// Signal that ended the program; 0 = none.
	Signal  int    `json:"signal,omitempty"`
	Message string `json:"message,omitempty"`
	// StepResults and TaskResults are the files' bytes, in the order in which Exec asked for them; null = there is none.
	// The supervisor reads them by the declared type itself: it believes no shim.
	StepResults [][]byte `json:"stepResults,omitempty"`
	TaskResults [][]byte `json:"taskResults,omitempty"`
}

// Write sends one message as a frame of at most limit bytes of JSON, in one write.
func Write(w io.Writer, limit int, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(body) > limit {
		return ErrTooLarge
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(frame, body...))
	return err
}

// Read takes one frame of at most limit bytes into message. io.EOF means that the peer ended between frames.
func Read(r io.Reader, limit int, message any) error {
	body, err := Take(r, limit)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, message)
}

// Take is the JSON of one frame.
func Take(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > uint32(limit) {
		return nil, ErrTooLarge
	}
	// Grows with what arrives, so that a length alone allocates nothing.
	body, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return nil, err
	}
	if len(body) < int(size) {
		return nil, io.ErrUnexpectedEOF
	}
	return body, nil
}
