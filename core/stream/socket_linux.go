package stream

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged is SIOCOUTQ: for TCP the bytes not yet acknowledged (with TLS those on the wire, which are more than the
// record's), for a unix socket the memory of what the peer has not read.
func unacknowledged(raw syscall.RawConn) int {
	n := 0
	_ = raw.Control(func(fd uintptr) {
		if v, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = v
		}
	})
	return n
}

// wasReset reports whether an end of file may come from a reset: the first to meet one gets its error, who comes later an end of file. Not
// to be asked after a half-close.
func wasReset(raw syscall.RawConn) bool {
	info := tcpInfo(raw)
	return info != nil && info.State != unix.BPF_TCP_CLOSE_WAIT
}

// peerWindow is the receive window that the peer offers, 0 where it is not known (before Linux 5.4).
func peerWindow(raw syscall.RawConn) int {
	if info := tcpInfo(raw); info != nil {
		return int(info.Snd_wnd)
	}
	return 0
}

// silent reports whether the peer's kernel has answered nothing for so long although it should have. A peer that only does not read
// answers the probes of its window.
func silent(raw syscall.RawConn, limit time.Duration) bool {
	info := tcpInfo(raw)
	return info != nil && (info.Retransmits > 1 || info.Probes > 1) && int64(info.Last_ack_recv) > limit.Milliseconds()
}

// tcpInfo is nil where the socket is not TCP.
func tcpInfo(raw syscall.RawConn) *unix.TCPInfo {
	if raw == nil {
		return nil
	}
	var info *unix.TCPInfo
	_ = raw.Control(func(fd uintptr) {
		if i, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			info = i
		}
	})
	return info
}
