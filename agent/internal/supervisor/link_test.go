package supervisor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"waybill.dev/agent/internal/wire"
)

func frame(body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

const (
	startedFrame = `{"started":{"pid":7}}`
	exitedFrame  = `{"exited":{"cause":"exit","exitCode":3}}`
)

func TestWhatAShimMaySay(t *testing.T) {
	for name, c := range map[string]struct {
		said    [][]byte
		started int
		exited  bool
		speech  bool
	}{
		"started and exited":      {[][]byte{frame(startedFrame), frame(exitedFrame)}, 1, true, false},
		"it could not start":      {[][]byte{frame(exitedFrame)}, 0, true, false},
		"nothing":                 {nil, 0, false, false},
		"it is gone in mid-frame": {[][]byte{frame(startedFrame), {0, 0, 0, 99, '{'}}, 1, false, false},
		"a flood of starts":       {[][]byte{bytes.Repeat(frame(startedFrame), 1000)}, 1, false, true},
		"more after its end":      {[][]byte{frame(exitedFrame), frame(exitedFrame)}, 0, false, true},
		"both at once":            {[][]byte{frame(`{"started":{"pid":7},"exited":{"cause":"exit","exitCode":0}}`)}, 0, false, true},
		"neither":                 {[][]byte{frame(`{}`)}, 0, false, true},
		"no JSON":                 {[][]byte{frame(`{"exited":`)}, 0, false, true},
		"another type":            {[][]byte{frame(`{"exited":{"cause":1}}`)}, 0, false, true},
		"a number too large":      {[][]byte{frame(`{"exited":{"cause":"exit","exitCode":1e99}}`)}, 0, false, true},
		"a frame too large":       {[][]byte{{255, 255, 255, 255}}, 0, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			started := 0
			exited, err := hear(bytes.NewReader(bytes.Join(c.said, nil)), func() { started++ })
			if started != c.started || (exited != nil) != c.exited || (err == nil) != c.exited || errors.Is(err, errSpeech) != c.speech {
				t.Errorf("started %d times, %+v, %v", started, exited, err)
			}
		})
	}
}

// A process that took the connection from the shim has not ended with it.
func TestAnEndCountsWhenNobodyHoldsTheConnection(t *testing.T) {
	shim, supervisor := net.Pipe()
	heard := make(chan error, 1)
	go func() {
		_, err := hear(supervisor, func() {})
		heard <- err
	}()
	if err := wire.Write(shim, wire.MaxReport, wire.Report{Exited: &wire.Exited{Cause: wire.CauseExit}}); err != nil {
		t.Fatal(err)
	}
	// It reads on: who writes meets a reader.
	if _, err := shim.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; !errors.Is(err, errSpeech) {
		t.Errorf("%v", err)
	}
	shim, supervisor = net.Pipe()
	go func() {
		_, err := hear(supervisor, func() {})
		heard <- err
	}()
	if err := wire.Write(shim, wire.MaxReport, wire.Report{Exited: &wire.Exited{Cause: wire.CauseExit}}); err != nil {
		t.Fatal(err)
	}
	shim.Close()
	if err := <-heard; err != nil {
		t.Errorf("%v", err)
	}
}

// An order that is not read stays with its link.
func TestASlowShimHoldsUpNobody(t *testing.T) {
	shim, supervisor := net.Pipe()
	defer shim.Close()
	l := &link{conn: &net.UnixConn{}, orders: make(chan wire.Order, 2), given: make(chan struct{})}
	go l.write(supervisor)
	l.send(wire.Order{Exec: &wire.Exec{Step: "s"}})
	l.send(wire.Order{Kill: &wire.Kill{ExitCode: 9}})
	var first, second wire.Order
	if err := errors.Join(wire.Read(shim, wire.MaxOrder, &first), wire.Read(shim, wire.MaxOrder, &second)); err != nil || first.Exec == nil || second.Kill == nil {
		t.Errorf("%+v %+v %v", first, second, err)
	}
	flush(map[int]*link{0: l})
}
