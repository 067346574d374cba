package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// MaxLine is the longest line in bytes, without its newline: container runtimes split lines at 16 KiB.
const MaxLine = 12 << 10

// frame is room for what stands around a part's data.
const frame = 160

// Encoder writes events as lines and counts them. It is not safe for concurrent use.
type Encoder struct {
	out io.Writer
	seq int
}

// NewEncoder returns an encoder whose first line has number 1.
func NewEncoder(out io.Writer) *Encoder { return &Encoder{out: out} }

type head struct {
	Seq  int    `json:"seq"`
	Time string `json:"time"`
	Type string `json:"type"`
}

type part struct {
	Seq   int    `json:"seq"`
	Time  string `json:"time"`
	Part  int    `json:"part"`
	Parts int    `json:"parts"`
	Data  string `json:"data"`
}

// Write says one event. One that does not fit a line goes out in parts, each a line with a number of its own; the
// event's number is that of its first part.
func (e *Encoder) Write(at time.Time, body Body) error {
	stamp := Stamp(at)
	text, err := splice(head{e.seq + 1, stamp, body.kind()}, body)
	if err != nil {
		return err
	}
	if len(text) <= MaxLine {
		e.seq++
		_, err = e.out.Write(append(text, '\n'))
		return err
	}
	pieces := split(text)
	for i, piece := range pieces {
		e.seq++
		line, err := marshal(part{e.seq, stamp, i + 1, len(pieces), piece})
		if err != nil {
			return err
		}
		if _, err := e.out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// Stamp spells a time as RFC 3339 in UTC with milliseconds.
func Stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// splice makes one JSON object of two.
func splice(head, body any) ([]byte, error) {
	first, err := marshal(head)
	if err != nil {
		return nil, err
	}
	second, err := marshal(body)
	if err != nil {
		return nil, err
	}
	if len(first) < 2 || len(second) < 2 || second[0] != '{' {
		return nil, fmt.Errorf("%T is no JSON object", body)
	}
	if string(second) == "{}" {
		return first, nil
	}
	return append(append(first[:len(first)-1], ','), second[1:]...), nil
}

func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// split cuts JSON text between characters, so that each piece fits a line once it is a JSON string itself.
func split(text []byte) []string {
	pieces := []string{}
	start, cost := 0, 0
	for at := 0; at < len(text); {
		_, size := utf8.DecodeRune(text[at:])
		price := size
		if text[at] == '"' || text[at] == '\\' {
			price = 2
		}
		if cost+price > MaxLine-frame {
			pieces = append(pieces, string(text[start:at]))
			start, cost = at, 0
		}
		at += size
		cost += price
	}
	return append(pieces, string(text[start:]))
}
