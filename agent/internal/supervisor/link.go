package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"waybill.dev/agent/internal/wire"
)

// link is the one connection that a step's socket accepts. What comes over it is not believed: the step's user may be the
// shim's, and the shim's container is the step's.
type link struct {
	socket   int
	listener *net.UnixListener
	conn     *net.UnixConn
	// orders wait here for a shim that is slow to read, so that it holds up nobody else. There are never more than two.
	orders chan wire.Order
	// given is closed when no order is left to give.
	given chan struct{}
}

// listen opens a step's socket to every user of its container.
func listen(paths Paths, socket int) (*link, error) {
	path := paths.Socket(socket)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		listener.Close()
		return nil, err
	}
	return &link{socket: socket, listener: listener, orders: make(chan wire.Order, 2), given: make(chan struct{})}, nil
}

// message is what a link tells the loop: exactly one of connected, started, exited and lost.
type message struct {
	socket    int
	connected *net.UnixConn
	started   bool
	exited    *wire.Exited
	lost      error
}

// serve accepts one connection, closes and removes the socket, and passes on what the shim says until it ends.
func (l *link) serve(inbox chan<- message) {
	conn, err := l.listener.AcceptUnix()
	l.listener.Close()
	if err != nil {
		inbox <- message{socket: l.socket, lost: err}
		return
	}
	defer conn.Close()
	if err := shake(conn); err != nil {
		inbox <- message{socket: l.socket, lost: err}
		return
	}
	go l.write(conn)
	inbox <- message{socket: l.socket, connected: conn}
	exited, err := hear(conn, func() { inbox <- message{socket: l.socket, started: true} })
	if err != nil {
		inbox <- message{socket: l.socket, lost: err}
		return
	}
	inbox <- message{socket: l.socket, exited: exited}
}

func shake(conn *net.UnixConn) error {
	if err := wire.Write(conn, wire.MaxHello, wire.Hello{Protocol: wire.Protocol}); err != nil {
		return err
	}
	var hello wire.Hello
	if err := wire.Read(conn, wire.MaxHello, &hello); err != nil {
		return err
	}
	if hello.Protocol != wire.Protocol {
		return fmt.Errorf("the shim speaks protocol %d, this supervisor speaks %d", hello.Protocol, wire.Protocol)
	}
	return nil
}

var errSpeech = errors.New("the step's container does not keep to the agent's protocol")

// decoding is done for one step after another: what a hostile frame makes of the memory is needed once only.
var decoding sync.Mutex

// hear reads the reports of a shim: at most one that its step has started, one that it has ended, and nothing else. The
// end counts when the shim itself has ended, and no process that took the connection from it is left: what comes after a
// step must not meet it again.
func hear(conn io.Reader, started func()) (*wire.Exited, error) {
	for told := false; ; told = true {
		report, err := next(conn)
		if err != nil {
			return nil, err
		}
		switch {
		case report.Exited != nil && report.Started == nil:
			if n, _ := conn.Read(make([]byte, 1)); n > 0 {
				return nil, errSpeech
			}
			return report.Exited, nil
		case report.Started != nil && report.Exited == nil && !told:
			started()
		default:
			return nil, errSpeech
		}
	}
}

func next(conn io.Reader) (wire.Report, error) {
	var report wire.Report
	body, err := wire.Take(conn, wire.MaxReport)
	if errors.Is(err, wire.ErrTooLarge) {
		return report, errSpeech
	}
	if err != nil {
		return report, fmt.Errorf("the step's container ended without a report (killed, evicted or out of memory): %w", err)
	}
	decoding.Lock()
	defer decoding.Unlock()
	if err := json.Unmarshal(body, &report); err != nil {
		return report, errSpeech
	}
	return report, nil
}

// write gives orders. One that cannot be given ends the connection: the reading side tells, and the shim ends its step.
func (l *link) write(conn io.WriteCloser) {
	defer close(l.given)
	for order := range l.orders {
		if err := wire.Write(conn, wire.MaxOrder, order); err != nil {
			conn.Close()
			return
		}
	}
}

// send never waits.
func (l *link) send(order wire.Order) {
	if l.conn == nil {
		return
	}
	select {
	case l.orders <- order:
	default:
		l.conn.Close()
	}
}

// lastWords is how long shims that do not read may hold up the end of the supervisor.
const lastWords = 2 * time.Second

// flush waits until the shims of all links have their orders.
func flush(links map[int]*link) {
	overdue := time.After(lastWords)
	for _, l := range links {
		if l.conn == nil {
			continue
		}
		close(l.orders)
		select {
		case <-l.given:
		case <-overdue:
			return
		}
	}
}
