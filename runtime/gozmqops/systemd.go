package gozmqops

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Notify sends a state such as "READY=1" to systemd, or to another supervisor that
// has set NOTIFY_SOCKET (sd_notify). Without NOTIFY_SOCKET it does nothing.
// Group.Run calls it.
func Notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	if strings.HasPrefix(name, "@") { // a Linux abstract socket
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}
