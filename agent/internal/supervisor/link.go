package supervisor

import (
	"fmt"
	"net"
	"os"
	"time"

	"waybill.dev/agent/internal/wire"
)

// link is the one connection that a step's socket accepts.
type link struct {
	socket   int
	listener *net.UnixListener
	conn     *net.UnixConn
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
	return &link{socket: socket, listener: listener}, nil
}

// message is what a link tells the loop: exactly one of connected, report and lost.
type message struct {
	socket    int
	connected *net.UnixConn
	report    *wire.Report
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
	inbox <- message{socket: l.socket, connected: conn}
	for {
		report := wire.Report{}
		if err := wire.Read(conn, &report); err != nil {
			inbox <- message{socket: l.socket, lost: fmt.Errorf("the step's container ended without a report (killed, evicted or out of memory): %w", err)}
			return
		}
		inbox <- message{socket: l.socket, report: &report}
		if report.Exited != nil {
			return
		}
	}
}

func shake(conn *net.UnixConn) error {
	if err := wire.Write(conn, wire.Hello{Protocol: wire.Protocol}); err != nil {
		return err
	}
	var hello wire.Hello
	if err := wire.Read(conn, &hello); err != nil {
		return err
	}
	if hello.Protocol != wire.Protocol {
		return fmt.Errorf("the shim speaks protocol %d, this supervisor speaks %d", hello.Protocol, wire.Protocol)
	}
	return nil
}

// sendLimit bounds how long a shim that does not read can hold up the others.
const sendLimit = 10 * time.Second

// send gives an order. One that cannot be given ends the connection: the reading side tells, and the shim ends its step.
func (l *link) send(order wire.Order) {
	if l.conn == nil {
		return
	}
	_ = l.conn.SetWriteDeadline(time.Now().Add(sendLimit))
	if err := wire.Write(l.conn, order); err != nil {
		l.conn.Close()
	}
}
