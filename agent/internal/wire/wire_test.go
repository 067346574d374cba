package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

func TestFramesComeBack(t *testing.T) {
	var stream bytes.Buffer
	script := "echo <&> é\x00"
	sent := []Order{
		{Exec: &Exec{Step: "s", Script: &script, Argv: []Word{{{Text: "a"}, {Env: "B"}}, {}}, Limits: Limits{1, 2}}},
		{Skip: &Skip{}},
		{Kill: &Kill{ExitCode: 9}},
	}
	for _, order := range sent {
		if err := Write(&stream, MaxOrder, order); err != nil {
			t.Fatal(err)
		}
	}
	for _, order := range sent {
		var got Order
		if err := Read(&stream, MaxOrder, &got); err != nil || !reflect.DeepEqual(got, order) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if err := Read(&stream, MaxOrder, &Order{}); err != io.EOF {
		t.Errorf("%v", err)
	}
}

func TestTheLargestResultsFit(t *testing.T) {
	report := Report{Exited: &Exited{Cause: CauseExit, TaskResults: [][]byte{bytes.Repeat([]byte{1}, 4<<20)}}}
	if err := Write(io.Discard, MaxReport, report); err != nil {
		t.Error(err)
	}
}

func TestBadFrames(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		err   error
	}{
		"too large":    {[]byte{255, 255, 255, 255}, ErrTooLarge},
		"cut length":   {[]byte{0, 0}, io.ErrUnexpectedEOF},
		"cut body":     {[]byte{0, 0, 0, 5, '{'}, io.ErrUnexpectedEOF},
		"long and cut": {[]byte{1, 0, 0, 0, '{'}, io.ErrUnexpectedEOF},
	} {
		if err := Read(bytes.NewReader(c.bytes), MaxOrder, &Order{}); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Read(bytes.NewReader([]byte{0, 0, 0, 1, '{'}), MaxOrder, &Order{}); err == nil {
		t.Error("no JSON was taken")
	}
	huge := string(make([]byte, MaxOrder))
	if err := Write(io.Discard, MaxOrder, Order{Exec: &Exec{Script: &huge}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}
